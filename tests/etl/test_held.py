"""Eras in memory: what is learned from them is what is learned from the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from erazoo.errors import ConfigError, ShardError
from etl.shards import ShardSet
from etl.shards.held import HeldEras
from zoo import catalogue
from zoo.estimator import Estimator, Fit

TARGET = "target_ender_20"
Maker = Callable[..., Any]
MODELS = {
    "ridge": {},
    "sgd": {"epochs": 2},
    "huber": {},
    "lasso": {},
    "pls": {"n_components": 2},
    "nystroem_ridge": {"n_components": 20},
    "lightgbm": {"n_estimators": 5, "colsample_bytree": 0.9},
    "xgboost": {"n_estimators": 5},
    "catboost": {"n_estimators": 5},
}


@pytest.fixture
def shards(make_run: Maker) -> ShardSet:
    _, run = make_run("shards.balance='weights'")
    return ShardSet.open(run.path("shards"))


def held_of(shards: ShardSet, last: int, keep: int = 100) -> HeldEras:
    held = HeldEras.of(shards, shards.eras()[:last], keep)
    held.resolve(shards.eras()[:last])
    held.arrive(shards.eras()[last - 1])
    return held


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("narrow", [False, True], ids=["all", "narrow"])
def test_models_learn_the_same_from_memory(
    shards: ShardSet, name: str, narrow: bool, tmp_path: Path
) -> None:
    spec = catalogue.get(name)
    params = catalogue.resolve(spec, "", MODELS[name])
    names = shards.spec.groups["charisma"]
    sets: list[ShardSet] = [shards, held_of(shards, 20)]
    fit = Fit(shards.eras()[4:20], TARGET, seed=3)
    found = []
    for number, data in enumerate(s.narrowed(names) if narrow else s for s in sets):
        model: Estimator = spec.build(params, data.spec)
        model.fit(data, fit)
        block = next(iter(shards.narrowed(data.spec.names).blocks(["0022"])))
        model.save(tmp_path)
        found.append(model.predict(block.features))
        assert np.ptp(found[number]) > 0
    np.testing.assert_array_equal(*found)


def test_targets_are_blank_until_they_are_resolved(shards: ShardSet) -> None:
    eras = shards.eras()[:6]
    held = HeldEras.of(shards, eras, 10)
    arrived = held.arrive(eras[-1])
    assert np.isnan(arrived.targets).all()
    assert np.isnan(arrived.references).all()
    assert np.isnan(held.labels().targets).all()
    held.resolve(eras[:2])
    column = held.target_index(TARGET)
    known = [np.isfinite(block.targets[:, column]).all() for block in held.blocks()]
    assert known == [True, True, False, False, False, False]
    assert len(held.numbered(eras, TARGET)) == shards.rows(eras[:2], TARGET, training=True)


def test_the_oldest_resolved_eras_go(shards: ShardSet) -> None:
    eras = shards.eras()[:9]
    held = HeldEras.of(shards, eras, 3)
    held.resolve(eras[:6])
    held.arrive(eras[7])
    assert held.eras() == eras[3:8]
    held.resolve(eras[:7])
    assert held.eras() == eras[4:8]
    held.forget(eras[7])
    assert held.eras() == eras[4:7]
    view = held.narrowed(held.spec.names[:2])
    held.arrive(eras[8])
    assert view.eras() == held.eras() == (*eras[4:7], eras[8])
    with pytest.raises(ShardError, match="not held in memory"):
        next(view.blocks([eras[0]]))
    with pytest.raises(ShardError, match="does not arrive"):
        held.arrive(eras[0])
    with pytest.raises(ConfigError, match="TensorFlow"):
        held.to_tf(target=TARGET)
