from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from contracts.estimator_contract import EstimatorContract
from contracts.planted import planted_shards
from contracts.sklearn_oracle import fitted, grid, resolved, rewritten

from erazoo.errors import ArtifactError, ConfigError, TrainingError
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from zoo import catalogue
from zoo.linear.moments import Moments


class TestLasso(EstimatorContract):
    name = "lasso"
    options: ClassVar = {"alpha": 1e-3}


class TestElasticNet(EstimatorContract):
    name = "elastic_net"
    options: ClassVar = {"alpha": 1e-3}


class TestBayesianRidge(EstimatorContract):
    name = "bayesian_ridge"


class TestPLS(EstimatorContract):
    name = "pls"
    options: ClassVar = {"n_components": 3}


class TestSGD(EstimatorContract):
    name = "sgd"
    options: ClassVar = {"epochs": 8, "eta0": 0.2}


class TestHuber(EstimatorContract):
    name = "huber"
    options: ClassVar = {"alpha": 1.0}


class TestNystroemRidge(EstimatorContract):
    name = "nystroem_ridge"
    options: ClassVar = {"n_components": 100, "alpha": 0.01, "length_scale": 2.0}


@pytest.fixture(scope="module", params=["alike", "weighted"])
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    wrong = 0.3 if request.param == "weighted" else None
    folder = tmp_path_factory.mktemp("small") / "shards"
    return planted_shards(folder, eras=6, rows=80, unresolved=0, wrong=wrong)


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("lasso", "Lasso", {"alpha": 0.01, "tol": 1e-10}),
    ("elastic_net", "ElasticNet", {"alpha": 0.02, "l1_ratio": 0.3, "tol": 1e-10}),
    ("bayesian_ridge", "BayesianRidge", {"tol": 1e-10}),
    ("huber", "HuberRegressor", {"alpha": 3.0, "epsilon": 1.2, "tol": 1e-8}),
]


@pytest.mark.parametrize(("name", "solver", "options"), CASES, ids=[c[0] for c in CASES])
def test_weights_equal_those_of_scikit_learn(
    small: ShardSet, name: str, solver: str, options: dict[str, Any]
) -> None:
    import sklearn.linear_model

    rows = resolved(small)
    oracle = getattr(sklearn.linear_model, solver)(**options)
    oracle.fit(rows.x, rows.y, sample_weight=rows.w)
    model = fitted(name, small, **options)
    np.testing.assert_allclose(model.weights, oracle.coef_, rtol=1e-5, atol=1e-8)
    assert model.intercept == pytest.approx(float(oracle.intercept_), rel=1e-6)


@pytest.mark.parametrize(("name", "solver", "options"), CASES[:3], ids=[c[0] for c in CASES[:3]])
def test_float_features_far_from_zero_equal_scikit_learn(
    tmp_path: Path, name: str, solver: str, options: dict[str, Any]
) -> None:
    import sklearn.linear_model

    near = planted_shards(tmp_path / "near", floats=True, eras=6, unresolved=0)
    far = rewritten(near, tmp_path / "far", near.spec, lambda x: x + np.float32(1_000))
    rows = resolved(far)
    oracle = getattr(sklearn.linear_model, solver)(**options).fit(rows.x, rows.y)
    model = fitted(name, far, **options)
    raw = grid(near) + np.float32(1_000)
    np.testing.assert_allclose(model.weights, oracle.coef_, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(model.predict(raw), oracle.predict(raw.astype(float)), atol=1e-6)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("components", [1, 3, 8])
def test_pls_equals_scikit_learn(small: ShardSet, components: int, scale: bool) -> None:
    from sklearn.cross_decomposition import PLSRegression

    rows = resolved(small)
    copies = np.rint(rows.w * 10).astype(int)
    x, y = np.repeat(rows.x, copies, axis=0), np.repeat(rows.y, copies)
    oracle = PLSRegression(components, scale=scale).fit(x, y)
    model = fitted("pls", small, n_components=components, scale=scale)
    np.testing.assert_allclose(model.weights, oracle.coef_.ravel(), rtol=1e-6, atol=1e-9)
    raw = grid(small)
    expected = oracle.predict(small.spec.centred(raw)).ravel()
    np.testing.assert_allclose(model.predict(raw), expected, rtol=1e-5)


def test_sgd_is_scikit_learn_era_by_era_in_seeded_order(small: ShardSet) -> None:
    from sklearn.linear_model import SGDRegressor

    oracle = SGDRegressor(
        eta0=0.1 / 8, alpha=1e-3, average=True, random_state=np.random.RandomState(3)
    )
    orders, middle = np.random.default_rng(3), None
    blocks = list(small.blocks())
    for order in [orders.permutation(6), orders.permutation(6)]:
        assert order.tolist() != sorted(order)
        for number in order:
            block = blocks[number]
            known = np.isfinite(block.targets[:, 1])
            weights = None if block.weights is None else block.weights[known].astype(float)
            x, y = block.features[known], block.targets[known, 1].astype(float)
            middle = y.mean() if middle is None else middle
            oracle.partial_fit(small.spec.centred(x), y - middle, weights)
    model = fitted("sgd", small, epochs=2, eta0=0.1, alpha=1e-3)
    np.testing.assert_array_equal(model.weights, oracle.coef_)
    assert model.intercept == oracle.intercept_[0] + middle
    assert abs(model.intercept - resolved(small).y.mean()) < 0.1


def test_nystroem_ridge_equals_a_pipeline_of_scikit_learn(small: ShardSet) -> None:
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import Ridge

    rows = resolved(small)
    model = fitted("nystroem_ridge", small, n_components=10_000, length_scale=0.5, alpha=0.2)
    distance = ((rows.x[:, None] - rows.x[None]) ** 2).sum(axis=2).mean()
    gamma = 1 / (2 * 0.25 * distance)
    assert model.gamma == pytest.approx(gamma)
    count = len(rows.y)
    kernel = Nystroem(gamma=gamma, n_components=count, random_state=3).fit(rows.x)
    ridge = Ridge(alpha=0.2).fit(kernel.transform(rows.x), rows.y, sample_weight=rows.w)
    raw = grid(small)
    expected = ridge.predict(kernel.transform(small.spec.centred(raw).astype(float)))
    np.testing.assert_allclose(model.predict(raw), expected, atol=2e-6)


def test_steps_do_not_depend_on_the_units_of_float_features(tmp_path: Path) -> None:
    """SGD and Huber standardise floats: other units give the same predictions."""
    plain = planted_shards(tmp_path / "plain", floats=True, unresolved=0, eras=6)
    raw = grid(plain)
    factors = (10.0 ** np.arange(-3, 5)).astype(np.float32)
    other = rewritten(plain, tmp_path / "other", plain.spec, lambda x: x * factors)
    for name in ("sgd", "huber", "nystroem_ridge", "knn"):
        options = {"n_neighbors": 20} if name == "knn" else {}
        one, two = fitted(name, plain, **options), fitted(name, other, **options)
        np.testing.assert_allclose(two.predict(raw * factors), one.predict(raw), rtol=2e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_condensed_rows_have_the_squared_errors_of_all(weighted: bool) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 5)) + 3
    x[:, 4] = x[:, 0] - x[:, 1]
    x[:, 3] = 1.7
    y = x[:, 0] + rng.normal(size=300)
    w = rng.random(300) if weighted else None
    moments = Moments(5)
    for part in (slice(0, 100), slice(100, 300)):
        moments.add(x[part], y[part], None if w is None else w[part])
    rows = moments.condensed()
    assert rows.features.shape == (6, 5)
    assert not rows.features[:, 3].any()
    every = np.ones(300) if w is None else w
    assert rows.weight == pytest.approx(every.sum() / 6)
    centred = x - np.average(x, axis=0, weights=every)
    target = y - np.average(y, weights=every)
    for weights in rng.normal(size=(5, 5)):
        errors = float(every @ (target - centred @ weights) ** 2)
        assert ((rows.target - rows.features @ weights) ** 2).sum() == pytest.approx(errors)


@pytest.mark.parametrize("name", ["ridge", "lasso", "elastic_net", "bayesian_ridge", "pls"])
def test_constant_features_weigh_nothing(name: str) -> None:
    spec = FeatureSpec(("a", "b", "c"))
    x = np.random.default_rng(1).integers(0, 5, (500, 3)).astype(np.int8)
    x[:, 2] = 4
    moments = Moments(3)
    y = x[:, 0] / 8 + np.random.default_rng(2).normal(size=500)
    moments.add(spec.centred(x), y, None)
    member = catalogue.get(name)
    options = {"n_components": 2} if name == "pls" else {}
    model = member.build(catalogue.resolve(member, "", options), spec)
    weights = model.solve(moments, None)
    assert weights[2] == 0
    assert weights[0] > 0.01


def test_more_components_than_features_are_refused(small: ShardSet) -> None:
    with pytest.raises(ConfigError, match="pls has more components.*9.*at most 8"):
        fitted("pls", small, n_components=9)


def test_a_descent_that_does_not_end_is_told(
    small: ShardSet, caplog: pytest.LogCaptureFixture
) -> None:
    fitted("lasso", small, alpha=1e-4, max_iter=1, tol=1e-14)
    assert "lasso: Objective did not converge" in caplog.text
    caplog.clear()
    fitted("lasso", small, alpha=1e-2)
    assert caplog.text == ""


def test_steps_that_diverge_are_an_error(small: ShardSet) -> None:
    with pytest.raises(TrainingError, match=r"sgd left the range of numbers.*eta0 = 1e\+200"):
        fitted("sgd", small, eta0=1e200)


@pytest.mark.parametrize("name", ["lasso", "nystroem_ridge"])
def test_a_damaged_file_is_an_error(small: ShardSet, tmp_path: Path, name: str) -> None:
    model = fitted(name, small)
    model.save(tmp_path)
    path = tmp_path / f"{name}.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ArtifactError, match=f"{name}.npz"):
        model.load(tmp_path)
