"""Trees applied to columns give what LightGBM predicts."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest

from erazoo.errors import TrainingError
from erazoo.panel import OWN_CODE
from search.rows import FoldColumns
from search.trees.forest import add_trees, read_trees

ROWS, FEATURES = 700, 6


def features(kind: str, rng: np.random.Generator) -> np.ndarray:
    if kind == "quintiles":
        return rng.integers(0, 5, (ROWS, FEATURES), dtype=np.int8)
    if kind == "own code":
        return rng.integers(0, 6, (ROWS, FEATURES), dtype=np.int8)
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    x[:, 0] = np.abs(x[:, 0])
    if kind == "gaps":
        x[rng.random(x.shape) < 0.2] = np.nan
    return x


def as_numbers(x: np.ndarray, missing: int | None) -> np.ndarray:
    numbers = x.astype(np.float64)
    if missing == OWN_CODE:
        numbers[x == OWN_CODE] = np.nan
    return numbers


@pytest.mark.parametrize("leaves", [2, 15, 400])
@pytest.mark.parametrize("kind", ["quintiles", "own code", "floats", "gaps"])
def test_trees_on_columns_predict_what_the_library_predicts(kind, leaves) -> None:
    rng = np.random.default_rng([leaves, len(kind)])
    missing = OWN_CODE if kind == "own code" else None
    x = features(kind, rng)
    numbers = as_numbers(x, missing)
    y = (
        np.nan_to_num(numbers[:, 0] * numbers[:, 1])
        + np.isnan(numbers[:, 2])
        + rng.normal(size=ROWS)
    )
    learned = numbers.copy()
    learned[:, 5] = np.nan_to_num(learned[:, 5])  # gaps that training never saw
    options = {"num_leaves": leaves, "min_data_in_leaf": 1, "verbosity": -1, "num_threads": 1}
    booster = lgb.train({**options, "objective": "regression"}, lgb.Dataset(learned, y), 20)
    where = np.array([3, 0, 5, 1, 2, 4])
    columns = np.empty((FEATURES, ROWS), x.dtype)
    columns[where] = x.T
    fold = FoldColumns(columns, (slice(0, 300), slice(300, ROWS)), missing)
    sums = np.zeros(ROWS)
    for first in (0, 7):
        count = 7 if first == 0 else 13
        text = booster.model_to_string(start_iteration=first, num_iteration=count)
        trees = list(read_trees(text, x.dtype))
        assert len(trees) == count
        add_trees(sums, trees, fold, where, missing)
    np.testing.assert_array_equal(sums, booster.predict(numbers, raw_score=True))


def test_a_tree_without_splits_adds_its_constant() -> None:
    x = np.zeros((50, 2), np.int8)
    data = lgb.Dataset(x.astype(float), np.arange(50.0))
    booster = lgb.train({"verbosity": -1, "objective": "regression"}, data, 3)
    (tree,) = read_trees(booster.model_to_string(), x.dtype)
    assert tree.splits == ()
    sums = np.zeros(50)
    add_trees(sums, [tree], FoldColumns(x.T, (slice(0, 50),)), np.arange(2), None)
    np.testing.assert_allclose(sums, 24.5)


def test_trees_that_columns_cannot_take_are_refused() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 2)), rng.normal(size=300)
    linear = lgb.train({"verbosity": -1, "linear_tree": True}, lgb.Dataset(x, x[:, 0]), 2)
    x[:, 0] = rng.integers(0, 9, 300)
    kinds = lgb.train(
        {"verbosity": -1, "min_data_in_leaf": 5},
        lgb.Dataset(x, y + (x[:, 0] % 3), categorical_feature=[0]),
        3,
    )
    for model in (linear, kinds):
        with pytest.raises(TrainingError, match="cannot be applied to columns"):
            list(read_trees(model.model_to_string(), np.dtype(np.float32)))
