"""FNC and the factorised features of an era, against numerai-tools."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from contracts.oracle import Array, frame, make_era, series
from hypothesis import given, settings
from hypothesis import strategies as st
from numerai_tools import scoring as library

from erazoo.errors import DataError
from scoring.eras import EraSlices
from scoring.factor import EraFactor
from scoring.neutral import era_fnc, fnc
from scoring.normal import NormalEquations

CLOSE = {"rtol": 0, "atol": 1e-8, "equal_nan": True}
RNG = np.random.default_rng(0)


def reference(values: Array, features: np.ndarray) -> Array:
    """numerai-tools' residuals of finite columns."""
    return library.neutralize(pd.DataFrame(values), pd.DataFrame(features)).to_numpy()


def quintiles(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 5, (rows, columns)).astype(np.int8)


@st.composite
def singular(draw: st.DrawFn) -> tuple[np.ndarray, Array]:
    """(features, values): constant, duplicated, dependent and nearly dependent features."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns = draw(st.integers(20, 120)), draw(st.integers(1, 30))
    features = rng.integers(0, 5, (rows, columns)).astype(np.int8)
    for _ in range(draw(st.integers(0, 4))):
        kind, j = draw(st.sampled_from(["constant", "copy", "mirror"])), rng.integers(columns)
        k = rng.integers(columns)
        features[:, j] = {
            "constant": np.full(rows, 2),
            "copy": features[:, k],
            "mirror": 4 - features[:, k],
        }[kind]
    if draw(st.booleans()):
        scale = 10.0 ** rng.integers(-3, 4, columns)
        features = features * scale + draw(st.sampled_from([0.0, 5.0]))
        noise = draw(st.sampled_from([0.0, 1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-2]))
        features[:, 0] = features[:, -1] + noise * rng.normal(size=rows)
    return features, rng.normal(size=(rows, 3))


@settings(deadline=None, max_examples=200)
@given(singular())
def test_residuals(drawn: tuple[np.ndarray, Array]) -> None:
    features, values = drawn
    ours, theirs = EraFactor(features).residual(values), reference(values, features)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    if features.dtype == np.int8:
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("noise", [1e-12, 1e-9, 1e-7, 1e-6, 3e-6, 1e-5, 1e-4, 1e-3])
def test_where_the_reference_cuts_so_do_we(noise: float) -> None:
    """Two features that differ by noise: below the cut they are one direction, above it two."""
    features = RNG.normal(size=(300, 5))
    features[:, 1] = features[:, 0] + noise * RNG.normal(size=300)
    values = features[:, :2] @ [[1, -1], [2, 1]] / noise + RNG.normal(size=(300, 2))
    ours, theirs = EraFactor(features).residual(values), reference(values, features)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * np.abs(values).max())


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int64, np.float32, np.float64])
def test_every_type_of_feature(kind: type) -> None:
    features, values = quintiles(200, 20), RNG.normal(size=(200, 2))
    features[:, 3] = features[:, 5]
    ours = EraFactor(features.astype(kind)).residual(values)
    np.testing.assert_allclose(ours, reference(values, features), **CLOSE)


def test_whole_numbers_too_large_for_single_precision() -> None:
    values = RNG.normal(size=(200, 2))
    features = RNG.integers(-30_000, 30_000, (200, 6)).astype(np.int16)
    np.testing.assert_allclose(
        EraFactor(features).residual(values), reference(values, features), **CLOSE
    )


def test_whole_numbers_far_from_zero() -> None:
    values = RNG.normal(size=(200, 2))
    features = 10**9 + RNG.integers(0, 100, (200, 1))
    expected = reference(values, features)  # which cuts what is that far off
    np.testing.assert_allclose(EraFactor(features).residual(values), expected, rtol=0, atol=1e-6)
    exposures = EraFactor(features).exposures(values)[0]
    np.testing.assert_allclose(exposures, np.corrcoef(features[:, 0] - 10**9, values.T)[0, 1:])


def test_rows_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    features, values = quintiles(200, 20), RNG.normal(size=(200, 2))
    whole = EraFactor(features)
    residual, exposures = whole.residual(values), whole.exposures(values)
    monkeypatch.setattr("scoring.factor._GRAM_VALUES", 20 * 33)
    monkeypatch.setattr("scoring.factor._PASS_VALUES", 20 * 7)
    pieces = EraFactor(features)
    np.testing.assert_allclose(pieces.residual(values), residual, rtol=0, atol=1e-12)
    np.testing.assert_allclose(pieces.exposures(values), exposures, rtol=0, atol=1e-12)


def test_ordinary_eras_need_no_decomposition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constant, duplicated and one-hot quintiles stay on the fast path."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a singular value decomposition of quintiles")

    monkeypatch.setattr("scoring.factor.svd", refuse)
    features, values = quintiles(240, 200), RNG.normal(size=(240, 2))
    features[:, 10:60] = 2
    features[:, 70:90] = features[:, 100:120]
    features[:, 190:195] = np.eye(5, dtype=np.int8)[features[:, 0]]
    np.testing.assert_allclose(
        EraFactor(features).residual(values), reference(values, features), **CLOSE
    )


def test_a_proportion_of_the_fit() -> None:
    features, values = quintiles(200, 20), RNG.normal(size=(200, 2))
    factor = EraFactor(features)
    part = factor.residual(values, 0.25)
    np.testing.assert_allclose(part, 0.75 * values + 0.25 * factor.residual(values), **CLOSE)
    assert factor.residual(values[:, 0]).shape == (200,)


def test_missing_features_count_as_the_mean() -> None:
    features, values = RNG.normal(size=(200, 4)), RNG.normal(size=(200, 2))
    features[:50, 1] = np.nan
    features[:, 2] = np.nan
    filled = features.copy()
    filled[:50, 1] = np.nanmean(features[:, 1])
    filled[:, 2] = 0
    np.testing.assert_allclose(
        EraFactor(features).residual(values), reference(values, filled), **CLOSE
    )
    features = features[:, [2]]
    np.testing.assert_allclose(
        EraFactor(features).residual(values), values - values.mean(axis=0), **CLOSE
    )


@pytest.mark.parametrize("features", [np.zeros(5), np.zeros((0, 3)), np.full((5, 2), np.inf)])
def test_features_that_cannot_be_factorised(features: Array) -> None:
    with pytest.raises(DataError):
        EraFactor(features)


def test_no_trust_in_a_factor_near_the_cut() -> None:
    def trusted(size: float, exact: bool) -> bool:
        gram = np.diag([1, 1, size])
        return NormalEquations.of(gram, np.zeros(3), 100, exact=exact) is not None

    assert trusted(1, exact=True)
    assert not trusted(1e-11, exact=True)
    twins = np.array([[1e6, 1e6, 0], [1e6, 1e6, 0], [0, 0, 1e-3]])
    assert NormalEquations.of(twins, np.zeros(3), 100, exact=False) is None


@pytest.mark.parametrize("columns", [1, 7, 40])
def test_fnc(columns: int) -> None:
    era = make_era(np.random.default_rng(columns), 160, 3)
    features = quintiles(160, columns)
    features[:, 0] = 2
    features[:, -1] = features[:, columns // 2]
    expected = library.feature_neutral_corr(
        frame(era.predictions), frame(features.astype(np.int64)), series(era.target)
    )
    ours = fnc(era.predictions, features, era.target, era.slices)
    np.testing.assert_allclose(ours[0], expected, rtol=0, atol=1e-6)
    ends = fnc(era.predictions, features, era.target, era.slices, top_bottom=30)
    expected = library.feature_neutral_corr(
        frame(era.predictions), frame(features.astype(np.int64)), series(era.target), top_bottom=30
    )
    np.testing.assert_allclose(ends[0], expected, rtol=0, atol=1e-6)


def test_fnc_where_rows_lack() -> None:
    """Rows without a target are neutralised too; rows without a prediction are not there."""
    era = make_era(np.random.default_rng(8), 100, 4)
    features = quintiles(100, 12)
    era.target[3:8] = np.nan
    era.predictions[10:15, 1] = era.predictions[10:15, 2] = np.nan
    era.predictions[:40, 3] = np.nan
    ours = fnc(era.predictions, features, era.target, era.slices)[0]
    for j, gone in enumerate([0, 5, 5]):
        kept = ~np.isnan(era.predictions[:, j])
        assert (~kept).sum() == gone
        expected = library.feature_neutral_corr(
            frame(era.predictions)[[f"p{j}"]][kept],
            frame(features.astype(np.int64))[kept],
            series(era.target),
        )
        assert ours[j] == pytest.approx(expected.iloc[0], abs=1e-6)
    assert np.isnan(ours[3])


def test_fnc_where_nothing_is_left() -> None:
    """More features than rows explain all; numerai-tools ranks the rounding that is left."""
    era = make_era(np.random.default_rng(9), 40, 2)
    assert np.isnan(fnc(era.predictions, quintiles(40, 60), era.target, era.slices)).all()
    constant = np.full((40, 2), 0.3)
    assert np.isnan(fnc(constant, quintiles(40, 3), era.target, era.slices)).all()
    few = EraSlices.from_labels(np.repeat(["0001", "0002"], [9, 31]))
    scores = fnc(era.predictions, quintiles(40, 3), era.target, few)
    assert np.isnan(scores).all(axis=1).tolist() == [True, False]


def test_a_factor_serves_many_calls() -> None:
    era = make_era(np.random.default_rng(10), 120, 3)
    features = quintiles(120, 9)
    factor = EraFactor(features)
    whole = fnc(era.predictions, features, era.target, era.slices)[0]
    for j in range(3):
        one = era_fnc(factor, era.predictions[:, [j]], era.target)
        np.testing.assert_allclose(one, whole[[j]], rtol=0, atol=1e-12)


def test_features_that_do_not_fit() -> None:
    era = make_era(np.random.default_rng(11), 40, 2)
    with pytest.raises(DataError):
        fnc(era.predictions, quintiles(39, 3), era.target, era.slices)
