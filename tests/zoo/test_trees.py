from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from contracts.estimator_contract import EstimatorContract
from contracts.planted import planted_shards
from contracts.sklearn_oracle import fitted, grid, resolved, rewritten

from erazoo.errors import ArtifactError
from erazoo.panel import MISSING_QUINTILE, OWN_CODE, FeatureSpec
from etl.shards import ShardSet


class TestDecisionTree(EstimatorContract):
    name = "decision_tree"
    options: ClassVar = {"max_depth": 6, "min_samples_leaf": 10}
    signal = 0.3


class TestRandomForest(EstimatorContract):
    name = "random_forest"
    options: ClassVar = {"n_estimators": 20, "min_samples_leaf": 5, "max_features": 0.5}


class TestExtraTrees(EstimatorContract):
    name = "extra_trees"
    options: ClassVar = {"n_estimators": 20, "min_samples_leaf": 5, "max_features": 0.5}


class TestHistGradientBoosting(EstimatorContract):
    name = "hist_gradient_boosting"
    options: ClassVar = {"max_iter": 30, "learning_rate": 0.2, "min_samples_leaf": 5}


@pytest.fixture(scope="module", params=["alike", "weighted"])
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    wrong = 0.3 if request.param == "weighted" else None
    folder = tmp_path_factory.mktemp("small") / "shards"
    return planted_shards(folder, eras=6, rows=80, unresolved=0, wrong=wrong)


COMMON = {"max_depth": 4, "min_samples_leaf": 7, "max_features": 0.6}
CASES: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    ("decision_tree", "sklearn.tree", "DecisionTreeRegressor", {"ccp_alpha": 1e-3}, {}),
    (
        "random_forest",
        "sklearn.ensemble",
        "RandomForestRegressor",
        {"n_estimators": 9, "max_samples": 0.5},
        {"bootstrap": True},
    ),
    (
        "extra_trees",
        "sklearn.ensemble",
        "ExtraTreesRegressor",
        {"n_estimators": 9, "max_samples": None},
        {"bootstrap": False},
    ),
    (
        "hist_gradient_boosting",
        "sklearn.ensemble",
        "HistGradientBoostingRegressor",
        {"max_iter": 12, "learning_rate": 0.2, "l2_regularization": 0.5, "max_leaf_nodes": 9},
        {"early_stopping": False},
    ),
]


@pytest.mark.parametrize(
    ("name", "module", "kind", "options", "more"), CASES, ids=[case[0] for case in CASES]
)
def test_predictions_equal_those_of_scikit_learn(
    small: ShardSet,
    name: str,
    module: str,
    kind: str,
    options: dict[str, Any],
    more: dict[str, Any],
) -> None:
    from importlib import import_module

    rows = resolved(small)
    raw_x = rows.x + MISSING_QUINTILE
    weights = None if np.ptp(rows.w) == 0 else rows.w
    oracle = getattr(import_module(module), kind)(**COMMON, **options, **more, random_state=3)
    oracle.fit(raw_x, rows.y, sample_weight=weights)
    model = fitted(name, small, threads=2, **COMMON, **options)
    raw = grid(small, rows=200)
    expected = oracle.predict(raw.astype(np.float32)).astype(np.float32)
    assert len(np.unique(expected)) > 5
    np.testing.assert_allclose(model.predict(raw), expected, rtol=1e-6)


def test_slices_of_rows_add_up_to_the_whole(
    small: ShardSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted("random_forest", small, n_estimators=5, min_samples_leaf=5)
    raw = grid(small, rows=200)
    whole = model.predict(raw)
    monkeypatch.setattr("zoo.trees.base.BATCH_BYTES", 8 * 8 * 30)
    monkeypatch.setattr("zoo.trees.base.cores", lambda: 2)
    np.testing.assert_array_equal(model.predict(raw), whole)
    assert model.predict(raw[:0]).shape == (0,)


def test_fewer_rows_are_learned_where_so_many_are_asked_for(
    small: ShardSet, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        model = fitted("decision_tree", small, rows=60, min_samples_leaf=1, max_depth=None)
    assert model.model.tree_.n_node_samples[0] == 60
    assert f"decision_tree learns 60 of {len(resolved(small).y)} rows" in caplog.text


def test_a_file_with_other_types_is_refused(small: ShardSet, tmp_path: Path) -> None:
    from skops import io

    model = fitted("decision_tree", small)
    (tmp_path / "model.skops").write_bytes(io.dumps(Foreign()))
    with pytest.raises(ArtifactError, match=r"model.skops.*Foreign"):
        model.load(tmp_path)
    (tmp_path / "model.skops").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match=r"model.skops"):
        model.load(tmp_path)


class Foreign:
    def __init__(self) -> None:
        self.value = 1


@pytest.mark.parametrize("name", ["decision_tree", "hist_gradient_boosting"])
def test_a_quintile_told_apart_as_missing_is_missing(tmp_path: Path, name: str) -> None:
    """Code 5 is no sixth quintile above all others: it splits as NaN does."""
    floats = planted_shards(tmp_path / "floats", floats=True, holes=0.2, unresolved=0, eras=6)
    spec = FeatureSpec(floats.spec.names, missing=OWN_CODE)
    codes = rewritten(floats, tmp_path / "codes", spec, _coded)
    raw = next(floats.blocks(floats.eras()[:1])).features
    options = {"min_samples_leaf": 9}
    one, two = fitted(name, floats, **options), fitted(name, codes, **options)
    np.testing.assert_array_equal(two.predict(_coded(raw)), one.predict(raw))


def _coded(features: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(features), OWN_CODE, np.nan_to_num(features)).astype(np.int8)
