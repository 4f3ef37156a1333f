"""The trainer of blends: members by the trainers of their own families, killed and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.estimator_contract import FITTED, UNSEEN, Elsewhere
from contracts.planted import TARGET, planted_shards

from erazoo.artefacts import open_sealed, seal
from erazoo.config import Config
from erazoo.config.schema import TrainingSection
from erazoo.errors import ArtifactError, ConfigError, MissingExtraError, TrainingError
from erazoo.publish import make_dir
from erazoo.rundir import RunDir
from etl.shards import ShardSet
from training.blend import BlendTrainer
from training.families import load_model, trainer_of
from training.job import Job
from training.loop import train_model
from training.spread import needs_of
from training.task import FitResult, FoldTask, Trainer, predict_eras
from zoo import catalogue
from zoo.catalogue import ModelSpec

Maker = Callable[..., tuple[Config, RunDir]]
TASK = FoldTask(
    "fold-0", FITTED, (), TARGET, 3, TrainingSection(threads=1), length=9, purge=2, start=Path("x")
)
SMALL = {"n_estimators": 9, "learning_rate": 0.2}
BOTH = {"lightgbm": {**SMALL, "min_child_samples": 5}, "xgboost": SMALL}
HIGH_MEMORY = (
    "models.both.model=high_memory",
    "models.both.params.lightgbm.n_estimators=12",
    "models.both.params.xgboost.n_estimators=12",
)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    return planted_shards(tmp_path_factory.mktemp("planted") / "shards")


class Spied:
    """The trainers of members; fits are noted, and that of one model ends badly if wanted."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.fits: list[tuple[str, FoldTask]] = []

    def __call__(self, spec: ModelSpec) -> Trainer:
        return SpiedTrainer(self, spec)


class SpiedTrainer(Trainer):
    def __init__(self, spied: Spied, spec: ModelSpec) -> None:
        self.spied, self.trainer = spied, trainer_of(spec)

    def fit(self, spec: Any, params: Any, data: Any, task: Any, folder: Path) -> FitResult:
        self.spied.fits.append((spec.name, task))
        if spec.name == self.spied.fails:
            (folder / "state").mkdir()
            (folder / "state" / "half").write_text("half")
            raise TrainingError("ended in the middle")
        return self.trainer.fit(spec, params, data, task, folder)

    def load(self, *given: Any) -> Any:
        return self.trainer.load(*given)


def fit(data: ShardSet, folder: Path, trainers: Callable[[ModelSpec], Trainer]) -> FitResult:
    spec = catalogue.get("high_memory")
    params = catalogue.resolve(spec, "", BOTH)
    result = BlendTrainer(trainers).fit(spec, params, data, TASK, make_dir(folder))
    card = {"model": spec.name, "params": params.model_dump(mode="json")}
    seal(folder, {**card, "fingerprint": data.spec.fingerprint})
    return result


def test_members_are_told_the_task_but_no_length_and_no_start(
    planted: ShardSet, tmp_path: Path
) -> None:
    spied = Spied()
    result = fit(planted, tmp_path / "fit", spied)
    assert [name for name, _ in spied.fits] == ["lightgbm", "xgboost"]
    for _, task in spied.fits:
        assert (task.length, task.start) == (None, None)
        assert (task.fit, task.target, task.seed, task.purge) == (FITTED, TARGET, 3, 2)
    assert [one["member"] for one in result.members] == ["lightgbm", "xgboost"]
    assert result.seconds == pytest.approx(sum(one["seconds"] for one in result.members))


def test_a_finished_member_is_not_fitted_again(
    planted: ShardSet, tmp_path: Path, elsewhere: Elsewhere
) -> None:
    fit(planted, tmp_path / "whole", Spied())
    cut, first = tmp_path / "cut", Spied(fails="xgboost")
    with pytest.raises(TrainingError, match="ended in the middle"):
        fit(planted, cut, first)
    kept = open_sealed(cut / "lightgbm")
    second = Spied()
    result = fit(planted, cut, second)
    assert [name for name, _ in second.fits] == ["xgboost"]
    assert result.members[0]["seconds"] == kept["seconds"]
    assert not list(cut.rglob("state"))
    whole = open_sealed(tmp_path / "whole")["files"]
    assert open_sealed(cut)["files"] == whole
    assert {Path(name).parts[0] for name in whole} == {"lightgbm", "xgboost"}
    _, _, here = predict_eras(load_model(cut, planted.spec), planted, UNSEEN)
    np.testing.assert_array_equal(elsewhere.predict(planted, cut, UNSEEN), here)


def test_a_member_that_changed_is_fitted_again_and_refused_when_sealed(
    planted: ShardSet, tmp_path: Path
) -> None:
    folder = tmp_path / "fit"
    fit(planted, folder, Spied())
    whole = open_sealed(folder)["files"]
    (folder / "lightgbm" / "model.txt").write_text("nothing")
    with pytest.raises(ArtifactError, match=r"changed since it was written.*lightgbm/model.txt"):
        load_model(folder, planted.spec)
    again = Spied()
    fit(planted, folder, again)
    assert [name for name, _ in again.fits] == ["lightgbm"]
    assert open_sealed(folder)["files"] == whole


@pytest.mark.parametrize("missing", ["tpot", "java"])
def test_what_is_missing_is_said_before_a_member_is_fitted(
    planted: ShardSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    spied = Spied()
    spec = catalogue.get("h2o_tpot_ensemble")
    monkeypatch.setattr("erazoo.java.javas", lambda: iter(()) if missing == "java" else _java())
    monkeypatch.setattr(
        "zoo.search.libraries.find_spec", lambda name: None if missing == "tpot" else name
    )
    said = {"tpot": r"tpot is not installed.*\[tpot\]", "java": "Java that is not there"}[missing]
    with pytest.raises(MissingExtraError, match=said):
        BlendTrainer(spied).fit(spec, spec.params(), planted, TASK, tmp_path)
    assert spied.fits == []


def test_weights_that_one_member_cannot_take_are_refused_before_a_member_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spied, spec = Spied(), catalogue.get("h2o_tpot_ensemble")
    monkeypatch.setattr("erazoo.java.javas", _java)
    monkeypatch.setattr("zoo.search.libraries.find_spec", lambda name: name)
    weighted = planted_shards(tmp_path / "weighted", wrong=0.01)
    with pytest.raises(ConfigError, match="tpot takes no weights of rows"):
        BlendTrainer(spied).fit(spec, spec.params(), weighted, TASK, tmp_path)
    assert spied.fits == []
    alike = planted_shards(tmp_path / "alike", wrong=1.0)
    with pytest.raises(TrainingError, match="ended in the middle"):
        BlendTrainer(Spied("h2o_automl")).fit(spec, spec.params(), alike, TASK, tmp_path / "h2o")


def _java() -> Any:
    from erazoo.java import Java

    return iter([Java(Path("/usr/bin/java"), "17.0.9", "PATH")])


DRIVER = """
import json, os, signal, sys
from pathlib import Path
from erazoo.config import Config
from erazoo.rundir import RunDir
from training.estimator import EstimatorTrainer
from training.loop import train_model

real = EstimatorTrainer.fit

def fit(self, spec, *given):
    if spec.name == "xgboost":
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, spec, *given)

EstimatorTrainer.fit = fit
train_model(Config.model_validate(json.loads(sys.argv[1])), RunDir(Path(sys.argv[2])), "both")
"""


def test_killed_between_members_a_fold_goes_on_without_the_finished_one(
    make_run: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    config, run = make_run(*HIGH_MEMORY)
    _, whole = make_run(*HIGH_MEMORY, name="whole")
    train_model(config, whole, "both")
    root = Path(__file__).resolve().parents[2]
    words = [sys.executable, "-c", DRIVER, config.model_dump_json(), str(run.root)]
    killed = subprocess.run(words, cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    assert killed.returncode == -signal.SIGKILL
    fold = run.path("models", "both", "folds", "fold-0")
    assert (fold / "lightgbm" / "card.json").is_file()
    assert not (fold / "card.json").exists()
    stamp = (fold / "lightgbm" / "model.txt").stat().st_mtime_ns
    with caplog.at_level("INFO"):
        train_model(config, run, "both")
    assert caplog.text.count("is done already") == 1
    assert (fold / "lightgbm" / "model.txt").stat().st_mtime_ns == stamp
    for name in ("out_of_fold.parquet", "held_out.parquet", "final/xgboost/model.ubj"):
        ours = run.path("models", "both", name).read_bytes()
        assert ours == whole.path("models", "both", name).read_bytes()


def test_the_card_of_a_blend_lists_its_members(make_run: Maker) -> None:
    config, run = make_run(*HIGH_MEMORY, "models.both.seeds=2", "split.folds=1")
    train_model(config, run, "both")
    folder = run.path("models", "both", "final")
    for seed in (config.run.seed, config.run.seed + 1):
        card = open_sealed(folder / f"seed-{seed}")
        members = card["record"]["members"]
        assert [one["model"] for one in members] == ["lightgbm", "xgboost"]
        assert card["seeds"] == [seed]
    joined = json.loads((folder / "card.json").read_text())["record"]["members"]
    assert [one["seed"] for one in joined] == [config.run.seed, config.run.seed + 1]


def test_a_blend_asks_for_a_gpu_unless_its_members_do_without(
    make_run: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.spread.visible_gpus", lambda: ("0",))
    monkeypatch.setattr("training.gpus._asked", lambda model, options: "")
    held = [f"models.both.params.{name}.device=cpu" for name in BOTH]
    asks = Job.of(*make_run(*HIGH_MEMORY), "both")
    does_not = Job.of(*make_run(*HIGH_MEMORY, *held, name="held"), "both")
    assert [needs_of(job).gpus for job in (asks, does_not)] == [1, 0]
