"""`erazoo ensemble` in a run: recipes and predictions of present members, and never of others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ensemble import comparison, publication
from ensemble.blend import blend_stands, ensemble, open_recipe
from ensemble.members import open_members
from ensemble.pool import open_pool
from ensemble.recipe import read_recipe
from erazoo.config import Config
from erazoo.config.schema import UniqueSection
from erazoo.errors import ArtifactError, ConfigError, DataError, LeakageError, StaleDataError
from erazoo.publish import PARTIAL, read_json, write_json
from erazoo.rundir import RunDir
from etl.build import open_shards
from scoring.eras import EraSlices
from scoring.ranks import rank_average
from training.evaluation import evaluate
from training.loop import train_model
from training.predictions import Predictions

Maker = Callable[..., tuple[Config, RunDir]]
Trained = tuple[Config, RunDir]
FAST = {"methods": ("score_proportional", "nnls"), "unique": UniqueSection(enabled=False)}


def with_ensemble(config: Config, **changes: Any) -> Config:
    section = config.ensemble.model_copy(update={**FAST, **changes})
    return config.model_copy(update={"ensemble": section})


@pytest.fixture
def fast(trained: Trained) -> Trained:
    return with_ensemble(trained[0]), trained[1]


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


def test_equal_weights_are_the_rank_average_and_scored(fast: Trained) -> None:
    config, run = with_ensemble(fast[0], method="equal"), fast[1]
    recipe = ensemble(config, run)["recipe"]
    assert [m["name"] for m in recipe["members"]] == ["ridge", "lightgbm"]
    assert recipe["reason"] == "configured"
    blend = Predictions.load(run.path("ensemble", "out_of_fold.parquet"))
    _, plan = open_shards(config, run)
    assert blend.kind == "out_of_fold"
    assert set(blend.eras) == {e for f in plan.development for e in f.validation}
    members = [
        Predictions.load(run.path("models", n, "out_of_fold.parquet")).aligned(blend.ids)
        for n in ("ridge", "lightgbm")
    ]
    expected = rank_average(members, EraSlices.from_labels(blend.eras))
    np.testing.assert_allclose(blend.values, expected, atol=1e-6)
    scores = json.loads(run.path("evaluation", "scores.json").read_text())
    assert scores["candidates"]["ensemble"]["kind"] == "ensemble"
    assert ensemble(config, run)["skipped"]
    assert blend_stands(config, run)


def test_what_is_written_was_lived(fast: Trained) -> None:
    """Judged rows are blended by the weights of their block, earlier ones by equal weights."""
    config, run = with_ensemble(fast[0], method="nnls"), fast[1]
    made = ensemble(config, run)
    blend = Predictions.load(run.path("ensemble", "out_of_fold.parquet"))
    pool = open_pool(config, run, open_members(config, run), "out_of_fold")
    weights = made["methods"]["methods"]["nnls"]["weights"]
    for name in np.unique(blend.folds.astype(str)):
        rows = blend.folds == name
        own = [0.5, 0.5] if name == "equal" else weights[int(name.removeprefix("block-"))]
        expected = np.array(own) @ pool.ranks[:, rows]
        np.testing.assert_allclose(blend.values[rows], expected, atol=1e-6)
    blocks = made["methods"]["blocks"]
    judged = np.unique(blend.eras[blend.folds == "block-0"].astype(str))
    assert [judged[0], judged[-1]] == blocks[0]["judged"][:2]


def test_the_recipe_keeps_away_from_held_out_eras(fast: Trained) -> None:
    config, run = fast
    made = ensemble(config, run)
    _, plan = open_shards(config, run)
    assert plan.held_out is not None
    first, last = int(plan.held_out.validation[0]), int(made["recipe"]["learned"][1])
    assert first - last > plan.purge


def test_no_held_out_target_is_opened(
    trained: Trained, make_run: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = with_ensemble(trained[0]), trained[1]
    seen: dict[str, np.ndarray] = {}
    moments = publication.era_moments

    def spy(pool: Any) -> Any:
        seen[pool.eras[0]] = pool.targets
        return moments(pool)

    monkeypatch.setattr(publication, "era_moments", spy)
    ensemble(config, run)
    _, plan = open_shards(config, run)
    assert plan.held_out is not None
    assert list(seen) == [plan.held_out.validation[0]]
    assert np.isnan(next(iter(seen.values()))).all()
    assert not run.path("evaluation", "openings.json").exists()


def test_a_killed_ensemble_is_gone_on_with(
    fast: Trained, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Killed before the recipe, the next call judges nothing again and ends alike."""
    config, run = fast
    copy = RunDir(Path(shutil.copytree(run.root, tmp_path / "copy")))
    plain = ensemble(config, copy)
    write = publication.write_recipe

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(publication, "write_recipe", killed)
    with pytest.raises(KeyboardInterrupt):
        ensemble(config, run)
    with pytest.raises(StaleDataError, match="no ensemble"):
        open_recipe(config, run)
    monkeypatch.setattr(publication, "write_recipe", write)
    monkeypatch.setattr("ensemble.comparison.judge", lambda *_: pytest.fail("judged again"))
    places = (("judged",), ("pool", "out_of_fold"))
    torn = [run.path("ensemble", *place, f"{PARTIAL}x.npy") for place in places]
    for half in torn:
        half.write_text("torn")
    again = ensemble(config, run)
    assert not [half for half in torn if half.exists()]
    assert again["recipe"] == plain["recipe"]
    path = ("ensemble", "out_of_fold.parquet")
    assert run.path(*path).read_bytes() == copy.path(*path).read_bytes()


def test_force_begins_anew(fast: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    config, run = fast
    plain = ensemble(config, run)
    calls: list[str] = []
    judge = comparison.judge
    monkeypatch.setattr(comparison, "judge", lambda *a: calls.append("") or judge(*a))
    again = ensemble(config, run, force=True)
    assert len(calls) == 3
    assert again["recipe"] == plain["recipe"]


def test_an_untrained_member_stops_the_ensemble(make_run: Maker) -> None:
    config, run = make_run()
    train_model(config, run, "ridge")
    with pytest.raises(DataError, match="'lightgbm' is not trained.*erazoo train lightgbm"):
        ensemble(config, run)
    assert not run.path("ensemble").exists()


def test_one_member_is_judged_against_nothing(make_run: Maker) -> None:
    config, run = make_run("ensemble.members=['ridge']", "ensemble.unique.enabled=false")
    train_model(config, run, "ridge")
    made = ensemble(config, run)
    assert [(m["name"], m["weight"]) for m in made["recipe"]["members"]] == [("ridge", 1.0)]
    assert made["recipe"]["reason"] == "there is one member"
    assert made["methods"]["methods"] == {}
    other, _ = make_run("ensemble.members=['rigde']")
    with pytest.raises(ConfigError, match="not configured.*rigde.*ridge"):
        ensemble(other, run)


@pytest.mark.parametrize(("scheme", "warned"), [("kfold", True), ("expanding", False)])
def test_folds_that_learn_later_eras_are_told(
    make_run: Maker, caplog: pytest.LogCaptureFixture, scheme: str, warned: bool
) -> None:
    made = make_run(
        f"split.scheme={scheme}", "ensemble.members=['ridge']", "ensemble.unique.enabled=false"
    )
    train_model(*made, "ridge")
    with caplog.at_level("WARNING"):
        ensemble(*made)
    assert ("nobody could have lived it" in caplog.text) is warned


def test_too_few_eras_recommend_equal_weights_and_refuse_others(fast: Trained) -> None:
    config, run = with_ensemble(fast[0], judged=0.9), fast[1]
    made = ensemble(config, run)
    assert made["recipe"]["method"] == "equal"
    assert "too few eras are left" in made["recipe"]["reason"]
    with pytest.raises(LeakageError, match="too few eras are left"):
        ensemble(with_ensemble(config, judged=0.9, method="nnls"), run)


def test_an_unknown_method_is_refused_before_any_work(fast: Trained) -> None:
    config, run = with_ensemble(fast[0], method="gredy"), fast[1]
    with pytest.raises(ConfigError, match="gredy"):
        ensemble(config, run)
    assert not run.path("ensemble").exists()


def test_members_without_weight_are_left_out_of_the_recipe(fast: Trained) -> None:
    config, run = with_ensemble(fast[0], method="best_of_category", members=("ridge",)), fast[1]
    file = Path(shutil.copytree(run.root, run.root.parent / "other"))
    config = with_ensemble(
        config,
        members=("ridge", "lightgbm"),
        method="best_of_category",
        files=(str(file / "models" / "ridge" / "out_of_fold.parquet"),),
    )
    made = ensemble(config, run)
    assert made["methods"]["members"] == ["ridge", "lightgbm", "other.ridge"]
    assert [m["name"] for m in made["recipe"]["members"]] == ["ridge", "lightgbm"]
    assert "ensemble" in evaluate(config, run)["candidates"]


# The recipe.


def test_a_recipe_needs_nothing_that_was_learned_from(fast: Trained, tmp_path: Path) -> None:
    config, run = with_ensemble(fast[0], method="stacking_lightgbm"), fast[1]
    ensemble(config, run)
    alone = tmp_path / "alone"
    shutil.copytree(run.path("ensemble"), alone / "ensemble", ignore=shutil.ignore_patterns("*.p*"))
    recipe = read_recipe(alone / "ensemble", alone)
    assert recipe.combination.kind == "stacking"
    assert [member.folder for member in recipe.members] == [
        alone / "models" / name / "final" for name in ("ridge", "lightgbm")
    ]
    trees = alone / "ensemble" / "stacking.txt"
    trees.write_text(trees.read_text() + " ")
    with pytest.raises(ArtifactError, match="missing or has changed.*stacking.txt"):
        read_recipe(alone / "ensemble", alone)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"version": 1}, StaleDataError, "of another version. Received: 1"),
        ({"kind": "oracle"}, ArtifactError, "damaged"),
        ({"members": [{}]}, ArtifactError, "damaged"),
    ],
)
def test_recipes_that_cannot_be_read(
    fast: Trained, change: dict[str, Any], error: type[Exception], match: str
) -> None:
    config, run = fast
    ensemble(config, run)
    path = run.path("ensemble", "ensemble.json")
    write_json(path, {**read_json(path), **change})
    with pytest.raises(error, match=match):
        read_recipe(path.parent, run.root)


@pytest.mark.parametrize("change", ["remove", "replace"])
def test_a_changed_result_is_no_trained_member(fast: Trained, change: str) -> None:
    config, run = fast
    path = run.path("models", "ridge", "out_of_fold.parquet")
    path.unlink() if change == "remove" else path.write_bytes(b"x")
    with pytest.raises(DataError, match="'ridge' is not trained with this configuration"):
        ensemble(config, run)


def test_models_of_another_configuration_are_not_used(fast: Trained, make_run: Maker) -> None:
    """A model that was trained with other settings is neither scored nor blended."""
    config, run = fast
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
    assert ensemble(fewer, run)["recipe"]["members"][0]["name"] == "ridge"
    assert "ensemble" in evaluate(fewer, run)["candidates"]


def test_retraining_makes_the_blend_stale(fast: Trained, make_run: Maker) -> None:
    config, run = fast
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


@pytest.mark.parametrize("change", [{"method": "nnls"}, {"blocks": 2}, {"missing": "drop"}])
def test_other_settings_make_another_ensemble(fast: Trained, change: dict[str, Any]) -> None:
    config, run = fast
    ensemble(config, run)
    other = with_ensemble(config, **change)
    with pytest.raises(StaleDataError, match="other members or settings"):
        open_recipe(other, run)
    assert "skipped" not in ensemble(other, run)


@pytest.mark.parametrize("reference", ["meta_model", "benchmark"])
def test_references_can_be_named(trained: Trained, reference: str) -> None:
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
