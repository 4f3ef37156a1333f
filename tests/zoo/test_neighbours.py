from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from contracts.estimator_contract import EstimatorContract
from contracts.planted import planted_shards
from contracts.sklearn_oracle import fitted, grid, resolved

from erazoo.errors import ConfigError
from etl.shards import ShardSet


class TestKNN(EstimatorContract):
    name = "knn"
    options: ClassVar = {"n_neighbors": 15}
    signal = 0.3


class TestGaussianProcess(EstimatorContract):
    name = "gaussian_process"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    return planted_shards(tmp_path_factory.mktemp("small") / "shards", eras=4, unresolved=0)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_knn_equals_scikit_learn(small: ShardSet, weights: str) -> None:
    from sklearn.neighbors import KNeighborsRegressor

    rows = resolved(small)
    oracle = KNeighborsRegressor(7, weights=weights, algorithm="brute")
    oracle.fit(rows.x.astype(np.float32), rows.y)
    raw = grid(small)
    expected = oracle.predict(small.spec.centred(raw))
    model = fitted("knn", small, n_neighbors=7, weights=weights)
    np.testing.assert_allclose(model.predict(raw), expected, rtol=1e-6)


@pytest.mark.parametrize("optimise", [True, False])
def test_a_gaussian_process_equals_scikit_learn(small: ShardSet, optimise: bool) -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    rows = resolved(small)
    start = 0.7 * np.sqrt(((rows.x[:, None] - rows.x[None]) ** 2).sum(axis=2).mean())
    kernel = ConstantKernel(0.2, (1e-6, 1e3)) * RBF(start, (start / 3, start * 30))
    oracle = GaussianProcessRegressor(
        kernel + WhiteKernel(0.5, (0.1, 10.0)),
        normalize_y=True,
        optimizer="fmin_l_bfgs_b" if optimise else None,
    ).fit(rows.x, rows.y)
    options = {"length_scale": 0.7, "signal": 0.2, "noise": 0.5}
    model = fitted("gaussian_process", small, optimise=optimise, **options)
    raw = grid(small)
    expected = oracle.predict(small.spec.centred(raw).astype(float))
    np.testing.assert_allclose(model.predict(raw), expected, atol=1e-4 if optimise else 1e-6)


def test_rows_are_kept_up_to_the_number_asked_for(small: ShardSet, tmp_path: Path) -> None:
    model = fitted("knn", small, n_neighbors=3, rows=40)
    assert model.features.shape == (40, 8)
    assert model.features.dtype == np.float32
    model = fitted("gaussian_process", small, rows=40, optimise=False)
    assert model.rows.shape == (40, 8)


def test_fewer_rows_than_neighbours_are_refused(small: ShardSet) -> None:
    with pytest.raises(ConfigError, match="knn averages more rows than it keeps.*30 of 20"):
        fitted("knn", small, n_neighbors=30, rows=20)
