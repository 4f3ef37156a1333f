"""Scores in training: of the fitted eras alone, kept, and taken without a new fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numerai_tools.scoring import correlation_contribution

from erazoo.config import Config
from erazoo.rundir import RunDir
from etl.build import open_shards
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from training.evaluation import evaluate
from training.families import load_model
from training.in_sample import sampled_eras, train_summary
from training.loop import train_model
from training.predictions import Predictions

Maker = Callable[..., tuple[Config, RunDir]]


@pytest.mark.parametrize(
    ("count", "most", "places"),
    [(5, 3, [0, 2, 4]), (3, 20, [0, 1, 2]), (100, 4, [0, 33, 66, 99]), (9, 1, [0]), (9, 0, [])],
)
def test_the_sample_is_evenly_spaced(count: int, most: int, places: list[int]) -> None:
    eras = [f"{k:04d}" for k in range(count)]
    assert sampled_eras(eras, most) == tuple(eras[k] for k in places)


def test_scores_are_those_of_the_folds_model_on_its_own_eras(make_run: Maker) -> None:
    config, run = make_run("training.scored_train_eras=5")
    result = train_model(config, run, "ridge")
    shards, plan = open_shards(config, run)
    for fold, record in zip(plan.folds, result["folds"], strict=False):
        found = record["train"]
        assert set(found["eras"]) <= set(fold.train)
        assert len(found["eras"]) == 5
        model = load_model(run.path("models", "ridge", "folds", fold.name), shards.spec)
        x, labels = shards.to_numpy(found["eras"])
        slices = EraSlices.from_labels(labels.eras)
        target = labels.targets[:, shards.target_index(plan.target)]
        np.testing.assert_allclose(found["corr"], numerai_corr(model(x), target, slices)[:, 0])


def test_contributions_in_training_are_those_of_numerai(make_run: Maker) -> None:
    own = ("training.scored_train_eras=6", "split.folds=2", "split.first_train=0.7")
    config, run = make_run(*own)
    result = train_model(config, run, "ridge")
    shards, plan = open_shards(config, run)
    found: dict[str, list[float]] = {name: [] for name in shards.references}
    for fold, record in zip(plan.folds, result["folds"], strict=False):
        model = load_model(run.path("models", "ridge", "folds", fold.name), shards.spec)
        for block in shards.blocks(record["train"]["eras"]):
            made = pd.DataFrame({"p": model(block.features)}, index=block.ids)
            goal = pd.Series(
                block.targets[:, shards.target_index(plan.target)], block.ids, name="t"
            )
            for k, name in enumerate(shards.references):
                beside = pd.Series(block.references[:, k], block.ids, name=name)
                if beside.notna().all() and fold.kind == "development":
                    found[name].append(correlation_contribution(made, beside, goal)["p"])
        beyond = record["train"]["contribution"]
        assert set(beyond) == set(shards.references)
        assert all(len(values) == 6 for values in beyond.values())
    references = {"mmc": "numerai_meta_model", "bmc": "v1_benchmark"}
    summary = evaluate(config, run)["candidates"]["ridge"]["train"]
    for metric, name in references.items():
        assert len(found[name]) == summary[metric]["eras"] > 0
        assert summary[metric]["mean"] == pytest.approx(np.mean(found[name]), rel=1e-5)
        assert summary[metric]["std"] == pytest.approx(np.std(found[name]), rel=1e-5)


def test_no_contribution_in_training_beyond_a_reference_that_no_era_has() -> None:
    folds = [
        {"train": {"corr": [0.1, 0.2], "contribution": {"meta": [None, None], "old": [0.1, None]}}}
    ]
    found = train_summary(folds, {"mmc": "meta", "bmc": "old", "other": None})
    assert found is not None
    assert found["mmc"] is found["other"] is found["rmse"] is None
    assert (found["bmc"]["mean"], found["bmc"]["eras"]) == (0.1, 1)
    assert train_summary([{"train": None}], {}) is None


def test_the_last_fit_and_watched_eras_are_left_out(make_run: Maker) -> None:
    settings = ("models.mlp.preset=demo", "training.epochs=1", "training.threads=0")
    config, run = make_run(*settings)
    result = train_model(config, run, "mlp")
    assert [fold["name"] for fold in result["folds"] if "train" not in fold] == ["final"]
    for fold in result["folds"][:-1]:
        card = run.path("models", "mlp", "folds", fold["name"], "card.json")
        held = json.loads(card.read_text())
        assert held["monitor"]
        assert not set(fold["train"]["eras"]) & set(held["monitor"])
        assert set(fold["train"]["eras"]) <= set(held["fit"])


def test_finished_folds_only_predict(make_run: Maker) -> None:
    config, run = make_run("training.scored_train_eras=0")
    before = train_model(config, run, "ridge")
    assert all(fold.get("train") is None for fold in before["folds"])
    assert evaluate(config, run)["candidates"]["ridge"]["train"] is None
    more, _ = make_run("training.scored_train_eras=3")
    cards = list(run.path("models").rglob("card.json"))
    stamps = [p.stat().st_mtime_ns for p in cards]
    after = train_model(more, run, "ridge")
    assert after["fitted"] == []
    assert [p.stat().st_mtime_ns for p in cards] == stamps
    assert [len(fold["train"]["eras"]) for fold in after["folds"][:-1]] == [3] * 3
    files = sorted(run.path("models", "ridge", "in_sample").glob("*.json"))
    assert len(files) == 3
    kept = [p.stat().st_mtime_ns for p in files]
    run.path("stages", "train-ridge.json").unlink()
    train_model(more, run, "ridge")
    assert [p.stat().st_mtime_ns for p in files] == kept


def test_another_fit_is_scored_anew(make_run: Maker) -> None:
    config, run = make_run()
    before = train_model(config, run, "ridge")
    other, _ = make_run("models.ridge.params.alpha=1e6")
    after = train_model(other, run, "ridge")
    pairs = zip(before["folds"][:-1], after["folds"][:-1], strict=True)
    assert all(a["train"]["corr"] != b["train"]["corr"] for a, b in pairs)


def test_what_is_learned_by_heart_shows(make_run: Maker) -> None:
    config, run = make_run("models.lightgbm.params.n_estimators=200")
    result = train_model(config, run, "lightgbm")
    scored = evaluate(config, run)["candidates"]["lightgbm"]
    references = {"mmc": "numerai_meta_model", "bmc": "v1_benchmark"}
    found = train_summary(result["folds"][:2], references)
    assert found is not None
    assert scored["train"] == found
    assert found["eras"] == sum(len(fold["train"]["eras"]) for fold in result["folds"][:2])
    assert found["corr"]["mean"] > scored["summary"]["corr"]["mean"] > 0
    ratio = found["corr"]["mean"] / scored["summary"]["corr"]["mean"]
    assert scored["overfitting"] == pytest.approx(ratio)
    held = evaluate(config, run, final=True)["candidates"]["lightgbm"]
    assert held["train"] == train_summary(result["folds"][2:3], references)


def test_scores_on_another_target_stand_beside_no_training_scores(make_run: Maker) -> None:
    config, run = make_run()
    train_model(config, run, "ridge")
    other, _ = make_run("evaluate.target=target_ender_60")
    found = evaluate(other, run)
    assert found["target"] == "target_ender_60"
    assert found["label_eras"] == 12
    assert found["candidates"]["ridge"]["train"] is None


def test_a_purge_leak_of_an_own_model_is_found(
    make_run: Maker, make_tiny: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_tiny(tmp_path / "long", eras=120, rows=40, validation_from=60)
    config, run = make_run(f"data.dir={folder}", "split.folds=4")
    train_model(config, run, "ridge")
    assert not boundary_alarms(evaluate(config, run))
    shards, plan = open_shards(config, run)
    path = run.path("models", "ridge", "out_of_fold.parquet")
    held = Predictions.load(path)
    near = {era for fold in plan.development for era in fold.validation[: plan.label_eras]}
    labels = shards.labels(list(dict.fromkeys(held.eras)))
    target = labels.targets[:, shards.target_index(plan.target)]
    noise = np.random.default_rng(0).normal(size=len(target)).astype(np.float32)
    leaked = np.where(np.isin(labels.eras, list(near)), noise + 2 * target, noise)
    replace(held, values=leaked.astype(np.float32)).save(path)
    record = run.path("stages", "train-ridge.json")
    stage = json.loads(record.read_text())
    stage["outputs"]["models/ridge/out_of_fold.parquet"] = path.stat().st_size
    record.write_text(json.dumps(stage))
    assert boundary_alarms(evaluate(config, run)) == ["ridge"]


def boundary_alarms(result: dict) -> list[str]:
    return [a["candidate"] for a in result["alarms"] if a["kind"] == "boundary"]
