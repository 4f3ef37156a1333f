"""Models that learn from some of the features: the same shards, and nothing of other columns."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from erazoo.config import Config, load
from erazoo.config.schema import ModelEntry
from erazoo.errors import ConfigError, SchemaError
from erazoo.panel import FeatureSpec
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from training.columns import own_columns
from training.families import load_model
from training.importance import IMPORTANCE
from training.job import Job, model_stage
from training.loop import train_model
from training.predictions import Predictions
from training.task import predict_eras
from zoo import catalogue
from zoo.keras.untrained import save_untrained

Maker = Callable[..., tuple[Config, RunDir]]
NAMES = ("a", "b", "c", "d")
SPEC = FeatureSpec(NAMES, {"small": ("a", "b", "c"), "wisdom": ("c", "d"), "x & y": ("d",)})
SMALL = ("feature_0", "feature_1", "feature_2")
LOOP = ("training.epochs=1", "training.threads=0", "split.folds=1")
FAMILIES = {
    "ridge": ["params.alpha=10"],
    "lightgbm": ["params.n_estimators=20", "seeds=2"],
    "xgboost": ["preset=small", "params.n_estimators=5", "params.min_child_weight=1"],
    "decision_tree": ["params.min_samples_leaf=5"],
    "mlp": ["preset=small"],
    "gpu_boosting_ensemble": [
        "preset=small",
        "params.lightgbm.n_estimators=5",
        "params.lightgbm.min_child_samples=5",
        "params.xgboost.n_estimators=5",
    ],
    "h2o_gbm": ["params.ntrees=5", "params.min_rows=5", "params.memory_mb=1024"],
}


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("", NAMES),
        ("all", NAMES),
        ("small", ("a", "b", "c")),
        (("wisdom",), ("c", "d")),
        (("wisdom", "small"), NAMES),
        ("small & wisdom", ("c",)),
        (("small&wisdom", "x & y"), ("c", "d")),
    ],
)
def test_words_name_columns(features: str | tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert own_columns("m", ModelEntry(model="ridge", features=features), SPEC) == expected


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ("smal", r"models\.m\.features names neither.*'?smal'?.*small"),
        ("small & wisdon", "wisdon.*wisdom"),
        ("small & x & y", "neither a feature set nor a group"),
        (("wisdom & small & all & small", "midnight"), "midnight"),
    ],
)
def test_unknown_words_are_refused(features: str | tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        own_columns("m", ModelEntry(model="ridge", features=features), SPEC)


def test_sets_without_a_common_feature_are_refused() -> None:
    spec = FeatureSpec(NAMES, {"one": ("a",), "two": ("b",)})
    with pytest.raises(ConfigError, match="share no feature"):
        own_columns("m", ModelEntry(model="ridge", features="one & two"), spec)


def test_a_word_that_stands_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="each once"):
        load(overrides=["models.ridge.features=['small', 'small']"], variables={})


def settings_of(name: str, features: str = "small") -> list[str]:
    own = [f"models.{name}.{setting}" for setting in FAMILIES[name]]
    return [f"models.{name}.features={features}", *LOOP, *own]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family(name: str, make_run: Maker) -> None:
    config, run = make_run(*settings_of(name), f"models.{name}.importance=permutation")
    train_model(config, run, name)
    shards, plan = open_shards(config, run)
    folder = run.path("models", name)
    card = read_json(folder / "final" / "card.json")
    assert card["columns"] == list(SMALL)
    assert card["features"] == ["small"]
    assert card["fingerprint"] == shards.narrowed(SMALL).spec.fingerprint
    assert set(read_json(folder / IMPORTANCE)["permutation"]["features"]) == set(SMALL)
    made = Predictions.load(folder / "out_of_fold.parquet")
    fold = plan.development[0]
    whole = load_model(folder / "folds" / fold.name, shards.spec)
    ids, _, values = predict_eras(whole, shards, fold.validation)
    np.testing.assert_array_equal(made.aligned(ids), values)
    assert len(np.unique(values)) > 1
    [block] = shards.blocks(fold.validation[:1])
    moved = block.features.copy()
    moved[:, 3:] = (moved[:, 3:] + 1) % 5
    np.testing.assert_array_equal(whole(moved), whole(block.features))
    lacking = shards.spec.narrowed(["feature_0", "feature_1", "feature_4"])
    with pytest.raises(SchemaError, match=r"not given.*without feature_2.*all of its 3"):
        load_model(folder / "final", lacking)
    with pytest.raises(SchemaError, match="do not fit"):
        whole(block.features[:, :5])


@pytest.mark.parametrize("codec", ["raw", "packed"])
@pytest.mark.parametrize("name", ["lightgbm", "mlp"])
def test_other_columns_are_never_read(
    name: str, codec: str, panel_folder: Path, make_run: Maker, tmp_path: Path
) -> None:
    """All other columns of all eras are others; the predictions do not change by a bit."""
    other = Path(shutil.copytree(panel_folder, tmp_path / "other"))
    for path in other.glob("*.parquet"):
        table = pl.read_parquet(path)
        moved = [pl.col(c).reverse() for c in ("feature_3", "feature_4") if c in table.columns]
        table.with_columns(moved).write_parquet(path)
    found = []
    for place in (panel_folder, other):
        config, run = make_run(
            f"data.dir={place}", f"shards.codec={codec}", *settings_of(name), name=place.name
        )
        train_model(config, run, name)
        found.append(Predictions.load(run.path("models", name, "out_of_fold.parquet")))
    np.testing.assert_array_equal(found[0].values, found[1].values)
    np.testing.assert_array_equal(found[0].ids, found[1].ids)


def test_other_features_are_another_fit(make_run: Maker) -> None:
    config, run = make_run()
    entry = config.models["lightgbm"]
    made = {}
    for features in ("", "small", "charisma"):
        changed = {"lightgbm": entry.model_copy(update={"features": features})}
        own = config.model_copy(update={"models": changed})
        assert not model_stage(own, run, "lightgbm").done()
        assert train_model(own, run, "lightgbm")["fitted"]
        made[features] = Predictions.load(run.path("models", "lightgbm", "out_of_fold.parquet"))
        assert train_model(own, run, "lightgbm")["fitted"] == []
    assert not np.array_equal(made["small"].values, made[""].values)
    assert not np.array_equal(made["small"].values, made["charisma"].values)


def test_cleaning_and_indicators_are_those_of_the_whole(panel_folder: Path, tmp_path: Path) -> None:
    """Features come out of the same shards, cleaned as for any other model."""
    overrides = [
        f"data.dir={panel_folder}",
        "clean.missing=own",
        "split.folds=1",
        "models.ridge.features=small",
    ]
    config, run = load(overrides=overrides, variables={}), RunDir(tmp_path / "run")
    shard(config, run)
    shards, _ = open_shards(config, run)
    train_model(config, run, "ridge")
    card = read_json(run.path("models", "ridge", "final", "card.json"))
    assert shards.spec.missing == 5
    assert card["fingerprint"] == shards.spec.narrowed(SMALL).fingerprint
    plain = FeatureSpec(shards.spec.names, shards.spec.groups)
    with pytest.raises(SchemaError, match="other cleaning"):
        load_model(run.path("models", "ridge", "final"), plain)


def encoder_settings(encoder: Path, inner: str, outer: str) -> list[str]:
    return [
        *LOOP,
        "models.autoencoder.preset=small",
        f"models.autoencoder.features={inner}",
        "models.mlp.preset=small",
        f"models.mlp.features={outer}",
        f"models.mlp.params.encoder={encoder}",
    ]


def test_a_network_reads_an_encoder_of_fewer_features(make_run: Maker, tmp_path: Path) -> None:
    encoder = tmp_path / "run" / "models" / "autoencoder"
    config, run = make_run(*encoder_settings(encoder, "charisma", "all"))
    for name in ("autoencoder", "mlp"):
        train_model(config, run, name)
    shards, plan = open_shards(config, run)
    fold = plan.development[0]
    model = load_model(run.path("models", "mlp", "folds", fold.name), shards.spec)
    ids, _, values = predict_eras(model, shards, fold.validation)
    made = Predictions.load(run.path("models", "mlp", "out_of_fold.parquet"))
    np.testing.assert_array_equal(made.aligned(ids), values)


def test_an_encoder_of_more_features_is_refused(make_run: Maker, tmp_path: Path) -> None:
    encoder = tmp_path / "run" / "models" / "autoencoder"
    config, run = make_run(*encoder_settings(encoder, "all", "small"))
    train_model(config, run, "autoencoder")
    with pytest.raises(SchemaError, match="an encoder of other features"):
        train_model(config, run, "mlp")


@pytest.mark.parametrize(("features", "fits"), [("small", True), ("charisma", False)])
def test_an_untrained_network_is_of_its_features(
    features: str, fits: bool, make_run: Maker, tmp_path: Path
) -> None:
    folder = tmp_path / "untrained"
    start = f"models.mlp.start={folder}"
    config, run = make_run("models.mlp.preset=small", f"models.mlp.features={features}", start)
    shards, _ = open_shards(config, run)
    save_untrained(catalogue.get("mlp"), "small", {}, shards.narrowed(SMALL).spec, folder)
    if fits:
        assert Job.of(config, run, "mlp").start == folder
        return
    with pytest.raises(SchemaError, match="an untrained network of other features"):
        Job.of(config, run, "mlp")


def test_a_fit_does_not_go_on_from_one_of_other_features(make_run: Maker, tmp_path: Path) -> None:
    earlier, old = make_run("models.lightgbm.features=small", "split.eras=1..20", name="old")
    train_model(earlier, old, "lightgbm")
    begun = f"models.lightgbm.continue_from={old.path('models', 'lightgbm')}"
    config, run = make_run("models.lightgbm.features=charisma", begun, name="other")
    with pytest.raises(SchemaError, match="a model of other features"):
        Job.of(config, run, "lightgbm")
