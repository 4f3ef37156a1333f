"""The rank average: equal to a plain computation, and never with a member missing."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ensemble.blend import _blend, ensemble, open_recipe
from erazoo.config import Config
from erazoo.errors import ConfigError, DataError, StaleDataError
from erazoo.rundir import RunDir
from etl.build import open_shards
from scoring.eras import EraSlices
from scoring.ranks import rank_average
from training.evaluation import evaluate
from training.loop import train_model
from training.predictions import Predictions

Maker = Callable[..., tuple[Config, RunDir]]


def test_rank_average_equals_pandas() -> None:
    rng = np.random.default_rng(1)
    eras = np.repeat(["0001", "0002", "0003"], [20, 35, 11]).astype(object)
    columns = {k: rng.integers(0, 9, 66).astype(np.float32) for k in "ab"}
    frame = pd.DataFrame({"era": eras, **columns})
    ranks = {
        k: (frame.groupby("era")[k].rank() - 0.5) / frame.groupby("era")[k].transform("size")
        for k in "ab"
    }
    ours = rank_average(list(columns.values()), EraSlices.from_labels(eras), [3.0, 1.0])
    np.testing.assert_allclose(ours, (3 * ranks["a"] + ranks["b"]) / 4, atol=1e-6)


def test_a_row_without_a_member_has_no_prediction() -> None:
    eras = np.array(["0001"] * 4, object)
    a = np.array([1, 2, 3, 4], np.float32)
    b = np.array([1, np.nan, 3, 4], np.float32)
    blended = rank_average([a, b], EraSlices.from_labels(eras))
    assert np.isnan(blended).tolist() == [False, True, False, False]


def test_the_blend_is_out_of_sample_and_scored(trained: tuple[Config, RunDir]) -> None:
    config, run = trained
    recipe = ensemble(config, run)
    assert [m["name"] for m in recipe["members"]] == ["ridge", "lightgbm"]
    blend = Predictions.load(run.path("ensemble", "out_of_fold.parquet"))
    _, plan = open_shards(config, run)
    assert blend.kind == "out_of_fold"
    assert set(blend.eras) == {e for f in plan.development for e in f.validation}
    members = [
        Predictions.load(run.path("models", n, "out_of_fold.parquet")).aligned(blend.ids)
        for n in ("ridge", "lightgbm")
    ]
    expected = rank_average(members, EraSlices.from_labels(blend.eras))
    np.testing.assert_allclose(blend.values, expected, atol=1e-7)
    scores = json.loads(run.path("evaluation", "scores.json").read_text())
    assert scores["candidates"]["ensemble"]["kind"] == "ensemble"
    assert ensemble(config, run)["skipped"]


def test_an_untrained_member_stops_the_ensemble(make_run: Maker) -> None:
    config, run = make_run()
    train_model(config, run, "ridge")
    with pytest.raises(DataError, match="'lightgbm' is not trained.*erazoo train lightgbm"):
        ensemble(config, run)
    assert not run.path("ensemble").exists()


def test_members_can_be_chosen(make_run: Maker) -> None:
    config, run = make_run("ensemble.members=['ridge']")
    train_model(config, run, "ridge")
    assert [m["name"] for m in ensemble(config, run)["members"]] == ["ridge"]
    other, _ = make_run("ensemble.members=['rigde']")
    with pytest.raises(ConfigError, match="not configured.*rigde.*ridge"):
        ensemble(other, run)


@pytest.mark.parametrize("rows", [slice(5, None), slice(None, None, -1)])
def test_other_rows_are_refused(trained: tuple[Config, RunDir], rows: slice) -> None:
    _, run = trained
    path = run.path("models", "ridge", "out_of_fold.parquet")
    whole = Predictions.load(path)
    part = [getattr(whole, k)[rows] for k in ("ids", "eras", "values", "folds")]
    Predictions(whole.name, whole.kind, *part, whole.facts).save(path)
    with pytest.raises(DataError, match="'lightgbm' and 'ridge' cover different rows"):
        blended(run)


def test_predictions_of_another_origin_are_refused(trained: tuple[Config, RunDir]) -> None:
    _, run = trained
    folder = run.path("models", "lightgbm")
    (folder / "out_of_fold.parquet").write_bytes((folder / "held_out.parquet").read_bytes())
    with pytest.raises(DataError, match="another origin.*held_out"):
        blended(run)


@pytest.mark.parametrize("fact", ["target", "fingerprint", "plan"])
def test_predictions_of_another_experiment_are_refused(
    trained: tuple[Config, RunDir], fact: str
) -> None:
    _, run = trained
    path = run.path("models", "lightgbm", "out_of_fold.parquet")
    one = Predictions.load(path)
    facts = {**one.facts, fact: "other"}
    Predictions(one.name, one.kind, one.ids, one.eras, one.values, one.folds, facts).save(path)
    with pytest.raises(DataError, match=f"'lightgbm' have another {fact}"):
        blended(run)


def blended(run: RunDir) -> Predictions:
    paths = {n: run.path("models", n, "out_of_fold.parquet") for n in ("ridge", "lightgbm")}
    return _blend("out_of_fold", paths, dict.fromkeys(paths, 1.0))


@pytest.mark.parametrize("change", ["remove", "replace"])
def test_a_changed_result_is_no_trained_member(trained: tuple[Config, RunDir], change: str) -> None:
    config, run = trained
    path = run.path("models", "ridge", "out_of_fold.parquet")
    path.unlink() if change == "remove" else path.write_bytes(b"x")
    with pytest.raises(DataError, match="'ridge' is not trained with this configuration"):
        ensemble(config, run)


def test_models_of_another_configuration_are_not_used(
    trained: tuple[Config, RunDir], make_run: Maker
) -> None:
    """A model that was trained with other settings is neither scored nor blended."""
    config, run = trained
    ensemble(config, run)
    entry = config.models["ridge"].model_copy(update={"params": {"alpha": 99}})
    other = config.model_copy(update={"models": {**config.models, "ridge": entry}})
    scores = evaluate(other, run)
    assert set(scores["missing"]) == {"ridge"}
    assert "not trained with this configuration" in scores["missing"]["ridge"]
    assert {"ridge", "ensemble"} & set(scores["candidates"]) == set()
    with pytest.raises(DataError, match="'ridge' is not trained with this configuration"):
        ensemble(other, run)
    disabled = config.models["lightgbm"].model_copy(update={"enabled": False})
    fewer = config.model_copy(update={"models": {**config.models, "lightgbm": disabled}})
    scores = evaluate(fewer, run)
    assert "lightgbm" not in scores["candidates"]
    assert "ensemble" not in scores["candidates"]
    with pytest.raises(StaleDataError, match="made of other members"):
        open_recipe(fewer, run)
    assert ensemble(fewer, run)["members"][0]["name"] == "ridge"
    assert "ensemble" in evaluate(fewer, run)["candidates"]


def test_retraining_makes_the_blend_stale(trained: tuple[Config, RunDir], make_run: Maker) -> None:
    config, run = trained
    ensemble(config, run)
    evaluate(config, run, final=True)
    assert run.path("evaluation", "final.json").exists()
    other, _ = make_run("models.ridge.params.alpha=99")
    train_model(other, run, "ridge")
    scores = evaluate(other, run)
    assert "ridge" in scores["candidates"]
    assert "ensemble" not in scores["candidates"]
    assert not run.path("evaluation", "final.json").exists()
    with pytest.raises(StaleDataError, match="made of other members"):
        open_recipe(other, run)


@pytest.mark.parametrize("reference", ["meta_model", "benchmark"])
def test_references_can_be_named(trained: tuple[Config, RunDir], reference: str) -> None:
    config, run = trained
    plain = evaluate(config, run)
    other = "v1_benchmark" if reference == "meta_model" else "numerai_meta_model"
    data = config.data.model_copy(update={reference: other})
    named = evaluate(config.model_copy(update={"data": data}), run)
    assert named[reference] == other != plain[reference]
    metric = {"meta_model": "mmc", "benchmark": "bmc"}[reference]
    assert (
        named["candidates"]["ridge"]["per_era"][metric]
        != plain["candidates"]["ridge"]["per_era"][metric]
    )
