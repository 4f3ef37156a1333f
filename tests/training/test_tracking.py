from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from contracts.runs import Shape, write_run

from erazoo.config import Config
from erazoo.publish import read_json, write_json
from erazoo.rundir import RunDir
from training import tracking
from training.tracking import track

NAMES = ("lightgbm", "ae_mlp", "tabm")


@pytest.fixture(autouse=True)
def _untracked() -> None:
    """Here trainings are logged."""


def configured(**options: Any) -> Config:
    return Config.model_validate({"run": {"name": "trial"}, "tracking": options})


def runs(uri: str, experiment: str = "trial") -> dict[str, Any]:
    """The runs of an experiment by name; a name that is there twice fails."""
    import mlflow

    client = mlflow.MlflowClient(uri)
    held = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    found = {run.info.run_name: run for run in held}
    assert len(found) == len(held)
    return found


def log_run(base: Path) -> RunDir:
    """A run directory that is logged, a second time after nothing has changed."""
    run = RunDir(write_run(base / "trial", Shape()))
    (run.root / "report.html").write_text("report")
    track(configured(), run, NAMES)
    for name in NAMES:  # as if the command had been killed before it took note
        (run.root / "models" / name / "mlflow.json").unlink()
    track(configured(), run, NAMES)
    return run


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A logged run that no test changes."""
    return log_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def changing(tmp_path: Path) -> RunDir:
    """A logged run of a test's own."""
    return log_run(tmp_path)


@pytest.fixture(scope="module")
def found(logged: RunDir) -> dict[str, Any]:
    return runs(f"sqlite:///{logged.root.parent}/mlflow.db")


def test_one_run_a_model_whatever_is_logged_again(logged: RunDir, found: dict[str, Any]) -> None:
    assert set(found) == set(NAMES)
    record = read_json(logged.path("models", "ae_mlp", "mlflow.json"))
    assert record["run"] == found["ae_mlp"].info.run_id


def test_a_run_holds_parameters_figures_and_where_it_comes_from(
    logged: RunDir, found: dict[str, Any]
) -> None:
    result = read_json(logged.path("models", "ae_mlp", "result.json"))
    run = found["ae_mlp"].data
    assert run.params["model"] == result["model"]
    assert run.params["seed"] == "7"
    assert run.metrics["seconds/fit"] == result["seconds"]["fit"]
    assert run.tags["erazoo.commit"]
    assert run.tags["erazoo.library.numpy"]
    assert run.tags["erazoo.report"] == str(logged.root / "report.html")


def test_curves_are_by_fold_and_epoch_and_not_repeated(
    logged: RunDir, found: dict[str, Any]
) -> None:
    import mlflow

    result = read_json(logged.path("models", "ae_mlp", "result.json"))
    client = mlflow.MlflowClient(f"sqlite:///{logged.root.parent}/mlflow.db")
    fold = next(fold for fold in result["folds"] if fold["history"].get("val_corr"))
    points = client.get_metric_history(found["ae_mlp"].info.run_id, f"{fold['name']}/val_corr")
    expected = {k: v for k, v in enumerate(fold["history"]["val_corr"], start=1) if v is not None}
    assert len(points) == len(expected)
    assert {point.step: point.value for point in points} == expected


def test_scores_are_those_of_the_evaluation(logged: RunDir, found: dict[str, Any]) -> None:
    scores = read_json(logged.path("evaluation", "scores.json"))["candidates"]["ae_mlp"]
    metrics = found["ae_mlp"].data.metrics
    for metric in ("corr", "mmc", "bmc"):
        for figure in ("mean", "sharpe"):
            assert metrics[f"evaluate/{metric}.{figure}"] == scores["summary"][metric][figure]
    assert "final/corr.mean" in metrics


def test_a_failed_model_is_a_failed_run(found: dict[str, Any]) -> None:
    assert found["tabm"].info.status == "FAILED"
    assert found["ae_mlp"].info.status == "FINISHED"
    assert "loss is NaN" in found["tabm"].data.tags["erazoo.reason"]


def test_result_files_are_artefacts_beside_the_database(
    logged: RunDir, found: dict[str, Any]
) -> None:
    copies = logged.root.parent.glob(
        f"mlflow-artifacts/{found['ae_mlp'].info.run_id}/artifacts/result.json"
    )
    original = logged.path("models", "ae_mlp", "result.json")
    assert [copy.read_bytes() for copy in copies] == [original.read_bytes()]


def test_scores_that_others_join_are_not_logged_again(changing: RunDir) -> None:
    records = [changing.path("models", name, "mlflow.json") for name in NAMES]
    before = [path.stat().st_mtime_ns for path in records]
    scores = changing.path("evaluation", "scores.json")
    value = read_json(scores)
    value["candidates"]["another"] = value["candidates"]["ensemble"]
    write_json(scores, value)
    track(configured(), changing, NAMES)
    assert [path.stat().st_mtime_ns for path in records] == before


def test_later_scores_and_trainings_are_added(changing: RunDir) -> None:
    scores = changing.path("evaluation", "scores.json")
    value = read_json(scores)
    value["candidates"]["ae_mlp"]["summary"]["corr"]["mean"] = 0.125
    write_json(scores, value)
    track(configured(experiment="later"), changing, ["ae_mlp"])
    uri = f"sqlite:///{changing.root.parent}/mlflow.db"
    assert runs(uri, "later")["ae_mlp"].data.metrics["evaluate/corr.mean"] == 0.125
    again = changing.path("models", "ae_mlp", "result.json")
    write_json(again, {**read_json(again), "peak_memory_mb": 1})
    track(configured(experiment="later"), changing, ["ae_mlp"])
    import mlflow

    client = mlflow.MlflowClient(uri)
    held = client.search_runs([client.get_experiment_by_name("later").experiment_id])
    assert sorted(run.data.metrics["peak_memory_mb"] for run in held)[0] == 1
    assert len(held) == 2


def test_a_dead_server_costs_a_warning_and_nothing_else(
    tmp_path: Path, seen_logs: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    run = RunDir(write_run(tmp_path / "trial", Shape()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
        track(configured(mlflow=uri), run, NAMES)
    [line] = [r.getMessage() for r in seen_logs.records if r.levelname == "WARNING"]
    assert line.startswith(f"MLflow at {uri} does not take the record of lightgbm, ae_mlp, tabm (")
    assert not list(run.root.rglob("mlflow.json"))


def test_off_leaves_no_trace(tmp_path: Path) -> None:
    run = RunDir(write_run(tmp_path / "trial", Shape()))
    track(configured(mlflow="off"), run, NAMES)
    assert not list(tmp_path.rglob("*mlflow*"))


def test_mlflow_is_not_imported_where_nothing_is_to_be_logged(tmp_path: Path) -> None:
    script = """if True:
        import sys
        from pathlib import Path
        from erazoo.config import Config
        from erazoo.rundir import RunDir
        from training.tracking import track
        track(Config(), RunDir(Path(sys.argv[1])), ["ridge"])
        assert "mlflow" not in sys.modules
        """
    words = [sys.executable, "-c", script, str(tmp_path)]
    assert subprocess.run(words, check=False, timeout=120).returncode == 0


@pytest.mark.parametrize("wrong", ["ftp://host", "here", "https://me:secret@host"])
def test_a_place_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="neither 'auto'|MLFLOW_TRACKING"):
        configured(mlflow=wrong)


def test_telemetry_is_off() -> None:
    assert tracking.ENVIRONMENT["MLFLOW_DISABLE_TELEMETRY"] == "true"
