"""Models through the folds: out-of-fold only, resumable, one process each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from erazoo.config import Config
from erazoo.errors import ArtifactError, ConfigError, LeakageError, StaleDataError
from erazoo.rundir import RunDir
from etl.build import open_shards
from training.evaluation import evaluate
from training.families import load_model
from training.loop import train_model
from training.predictions import Predictions, gather
from training.train import train

Maker = Callable[..., tuple[Config, RunDir]]


def stamps(run: RunDir) -> dict[Path, int]:
    return {p: p.stat().st_mtime_ns for p in run.path("models").rglob("*") if p.is_file()}


def test_every_prediction_comes_from_a_model_that_never_saw_its_era(make_run: Maker) -> None:
    config, run = make_run()
    train_model(config, run, "ridge")
    shards, plan = open_shards(config, run)
    predictions = Predictions.load(run.path("models", "ridge", "out_of_fold.parquet"))
    labels = shards.labels([e for f in plan.development for e in f.validation])
    assert predictions.ids.tolist() == labels.ids.tolist()
    for fold in plan.development:
        folder = run.path("models", "ridge", "folds", fold.name)
        card = json.loads((folder / "card.json").read_text())
        first = shards.axis.position(fold.validation[0])
        assert all(shards.axis.position(e) < first - plan.purge for e in card["fit"])
        x, part = shards.to_numpy(fold.validation)
        again = load_model(folder, shards.spec)(x)
        np.testing.assert_array_equal(predictions.aligned(part.ids), again)
        assert set(predictions.folds[np.isin(predictions.ids, part.ids)]) == {fold.name}
    assert plan.held_out is not None
    held = Predictions.load(run.path("models", "ridge", "held_out.parquet"))
    assert set(held.eras) == set(plan.held_out.validation)
    assert not set(held.eras) & set(predictions.eras)


def test_the_second_call_does_nothing(make_run: Maker) -> None:
    config, run = make_run()
    first = train(config, run, ["ridge"])
    before = stamps(run)
    again = train(config, run, ["ridge"])
    assert first["ridge"]["status"] == again["ridge"]["status"] == "ok"
    assert again["ridge"]["skipped"]
    assert stamps(run) == before
    train(config, run, ["ridge"], force=True)
    assert stamps(run) != before


def test_finished_fits_are_not_called_trained(make_run: Maker) -> None:
    config, run = make_run()
    assert len(train(config, run, ["ridge"])["ridge"]["fitted"]) == 4
    run.path("stages", "train-ridge.json").unlink()
    assert train(config, run, ["ridge"])["ridge"]["fitted"] == []
    run.path("stages", "train-ridge.json").unlink()
    run.path("models", "ridge", "final", "card.json").unlink()
    result = train(config, run, ["ridge"])["ridge"]
    assert result["fitted"] == ["final"]
    assert len(result["folds"]) == 4


def test_settings_that_a_model_does_not_use_leave_it_as_it_is(make_run: Maker) -> None:
    config, run = make_run()
    train(config, run, ["ridge"])
    other, _ = make_run("training.epochs=2")
    assert train(other, run, ["ridge"])["ridge"]["skipped"]


def test_a_model_that_failed_before_is_known(make_run: Maker) -> None:
    config, run = make_run()
    blocker = run.path("models", "ridge", "folds")
    blocker.parent.mkdir(parents=True)
    blocker.write_text("in the way")
    assert train(config, run, ["ridge"])["ridge"]["failed_before"] is None
    again = train(config, run, ["ridge"])["ridge"]
    assert again["status"] == "failed"
    assert again["failed_before"] == again["reason"]
    blocker.unlink()
    fixed = train(config, run, ["ridge"])["ridge"]
    assert fixed["status"] == "ok"
    assert fixed["failed_before"] == again["reason"]
    assert "failed_before" not in train(config, run, ["ridge"])["ridge"]


def test_replacing_other_settings_results_is_said(
    make_run: Maker, seen_logs: pytest.LogCaptureFixture
) -> None:
    config, run = make_run()
    train(config, run, ["ridge"])
    evaluate(config, run)
    assert "--run-dir" not in seen_logs.text
    other, _ = make_run("models.ridge.params.alpha=11")
    train(other, run, ["ridge"])
    evaluate(other, run)
    [line] = [text for text in seen_logs.messages if "--run-dir" in text]
    assert line.startswith("train-ridge: results that other settings made (params) are replaced")
    make_run("split.folds=3")
    said = [text for text in seen_logs.messages if text.startswith("shard: results that")]
    assert said
    assert "(split)" in said[0]


def test_other_parameters_train_again(make_run: Maker) -> None:
    config, run = make_run()
    train_model(config, run, "ridge")
    before = stamps(run)
    other, _ = make_run("models.ridge.params.alpha=11")
    train_model(other, run, "ridge")
    after = stamps(run)
    cards = [p for p in before if p.name == "card.json"]
    assert len(cards) == 4
    assert all(after[p] != before[p] for p in cards)


def test_an_interrupted_model_keeps_its_finished_folds(
    make_run: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = make_run()
    _, whole = make_run(name="whole")
    train_model(config, whole, "lightgbm")

    import training.fit

    real, calls = training.fit._fit, []

    def fails_third(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(training.fit, "_fit", fails_third)
    with pytest.raises(KeyboardInterrupt):
        train_model(config, run, "lightgbm")
    assert not run.path("models", "lightgbm", "result.json").exists()
    kept = {p: s for p, s in stamps(run).items() if p.name == "model.txt"}
    assert len(kept) == 2
    monkeypatch.setattr(training.fit, "_fit", real)
    train_model(config, run, "lightgbm")
    assert {p: s for p, s in stamps(run).items() if p in kept} == kept
    for name in ("out_of_fold.parquet", "held_out.parquet", "final/model.txt"):
        ours = run.path("models", "lightgbm", name).read_bytes()
        assert ours == whole.path("models", "lightgbm", name).read_bytes()


def test_killed_and_resumed_equals_uninterrupted(make_run: Maker) -> None:
    settings = ("models.lightgbm.params.n_estimators=400",)
    config, run = make_run(*settings)
    _, whole = make_run(*settings, name="whole")
    train_model(config, whole, "lightgbm")
    code = (
        "import json, sys; from pathlib import Path; from erazoo.config import Config\n"
        "from erazoo.rundir import RunDir; from training.train import train\n"
        "if __name__ == '__main__':\n"
        " config = Config.model_validate(json.loads(sys.argv[1]))\n"
        " train(config, RunDir(Path(sys.argv[2])), ['lightgbm'])"
    )
    script = run.path("driver.py")
    script.write_text(code)
    words = [sys.executable, str(script), config.model_dump_json(), str(run.root)]
    for folds in (1, 2):
        process = subprocess.Popen(words, stderr=subprocess.PIPE)
        limit = time.monotonic() + 120
        while time.monotonic() < limit and process.poll() is None:
            if len(list(run.path("models").glob("lightgbm/folds/fold*/card.json"))) >= folds:
                break
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    result = train(config, run, ["lightgbm"])["lightgbm"]
    assert result["status"] == "ok"
    for name in ("out_of_fold.parquet", "held_out.parquet", "final/model.txt"):
        ours = run.path("models", "lightgbm", name).read_bytes()
        assert ours == whole.path("models", "lightgbm", name).read_bytes()
    assert not list(run.path("models").rglob(".partial-*"))


def test_one_failure_does_not_stop_the_others(make_run: Maker) -> None:
    config, run = make_run(
        "models.a_bad.model=lightgbm", "models.a_bad.params.max_bin=2", "training.threads=1"
    )
    shards, plan = open_shards(config, run)
    blocker = run.path("models", "a_bad", "folds")
    blocker.parent.mkdir(parents=True)
    blocker.write_text("in the way")
    results = train(config, run, ["a_bad", "ridge"])
    assert results["a_bad"]["status"] == "failed"
    assert "a file is in the way" in results["a_bad"]["reason"]
    assert results["ridge"]["status"] == "ok"
    recorded = json.loads(run.path("models", "a_bad", "result.json").read_text())
    assert recorded["status"] == "failed"
    scores = evaluate(config, run)
    assert "a_bad" not in scores["candidates"]


def test_a_killed_worker_is_a_failed_model(
    make_run: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    import training.process

    config, run = make_run()
    monkeypatch.setattr(training.process, "_work", _dies)
    result = train(config, run, ["ridge"])["ridge"]
    assert result["status"] == "failed"
    assert "SIGKILL" in result["reason"]


def _dies(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_unknown_models_are_refused_before_any_work(make_run: Maker) -> None:
    config, run = make_run()
    with pytest.raises(ConfigError, match="no such model.*rige.*ridge"):
        train(config, run, ["rige"])
    assert not run.path("models").exists()


def test_shards_must_stand(make_run: Maker, tmp_path: Path) -> None:
    config, _ = make_run()
    with pytest.raises(StaleDataError, match="Run `erazoo shard`"):
        train(config, RunDir(tmp_path / "other"), ["ridge"])


def test_predictions_round_trip_and_align(tmp_path: Path) -> None:
    ids = np.array(["a", "b", "c"], object)
    eras = np.array(["0001", "0001", "0002"], object)
    folds = np.array(["fold-0"] * 3, object)
    values = np.array([0.1, 0.2, 0.3], np.float32)
    made = Predictions("m", "out_of_fold", ids, eras, values, folds, {"target": "t"})
    made.save(tmp_path / "p.parquet")
    again = Predictions.load(tmp_path / "p.parquet")
    assert (again.name, again.kind, again.facts) == ("m", "out_of_fold", {"target": "t"})
    np.testing.assert_array_equal(again.values, values)
    aligned = again.aligned(np.array(["c", "x", "a"], object))
    np.testing.assert_array_equal(aligned, np.array([0.3, np.nan, 0.1], np.float32))


def test_rows_of_several_folds_are_averaged() -> None:
    def part(ids: list[str], eras: list[str], values: list[float]) -> Predictions:
        n = len(ids)
        return Predictions(
            "m",
            "out_of_fold",
            np.array(ids, object),
            np.array(eras, object),
            np.array(values, np.float32),
            np.array(["f"] * n, object),
            {},
        )

    parts = [part(["b", "c"], ["0010", "0010"], [1, 2]), part(["a", "b"], ["0009", "0010"], [5, 3])]
    whole = gather("m", "out_of_fold", parts, {})
    assert whole.ids.tolist() == ["a", "b", "c"]
    assert whole.values.tolist() == [5.0, 2.0, 2.0]


def test_in_sample_predictions_have_no_name() -> None:
    empty = np.array([], object)
    with pytest.raises(LeakageError, match="unknown origin.*in_sample"):
        Predictions("m", "in_sample", empty, empty, np.array([], np.float32), empty, {})


def test_a_stranger_is_no_prediction_file(tmp_path: Path, panel_folder: Path) -> None:
    with pytest.raises(ArtifactError, match="not a prediction file"):
        Predictions.load(panel_folder / "train.parquet")
    with pytest.raises(ArtifactError, match="missing"):
        Predictions.load(tmp_path / "none.parquet")


def test_held_out_eras_stay_closed_until_final(make_run: Maker) -> None:
    config, run = make_run()
    train_model(config, run, "ridge")
    scores = evaluate(config, run)
    _, plan = open_shards(config, run)
    assert plan.held_out is not None
    assert not set(scores["eras"]) & set(plan.held_out.validation)
    assert not run.path("evaluation", "openings.json").exists()
    assert evaluate(config, run)["skipped"]
    final = evaluate(config, run, final=True)
    assert set(final["eras"]) == set(plan.held_out.validation)
    openings = json.loads(run.path("evaluation", "openings.json").read_text())
    assert [o["candidates"] for o in openings] == [["ridge"]]
    assert scores["candidates"]["v1_benchmark"]["kind"] == "benchmark"
    assert scores["candidates"]["ridge"]["summary"]["bmc"]["eras"] == len(scores["eras"])


@pytest.mark.parametrize(("first", "second"), [(4, 2), (2, 4)])
def test_other_folds_are_predicted_anew(make_run: Maker, first: int, second: int) -> None:
    config, run = make_run(f"split.folds={first}")
    train_model(config, run, "ridge")
    other, _ = make_run(f"split.folds={second}")
    train_model(other, run, "ridge")
    fresh_config, fresh = make_run(f"split.folds={second}", name="fresh")
    train_model(fresh_config, fresh, "ridge")
    ours = Predictions.load(run.path("models", "ridge", "out_of_fold.parquet"))
    theirs = Predictions.load(fresh.path("models", "ridge", "out_of_fold.parquet"))
    assert ours.ids.tolist() == theirs.ids.tolist()
    assert ours.folds.tolist() == theirs.folds.tolist()
    np.testing.assert_array_equal(ours.values, theirs.values)


def test_a_training_begun_leaves_no_older_result(
    make_run: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    import training.fit

    config, run = make_run()
    train_model(config, run, "ridge")
    other, _ = make_run("models.ridge.params.alpha=11")

    def fails(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(training.fit, "_fit", fails)
    with pytest.raises(KeyboardInterrupt):
        train_model(other, run, "ridge")
    for name in ("result.json", "out_of_fold.parquet", "held_out.parquet"):
        assert not run.path("models", "ridge", name).exists()
