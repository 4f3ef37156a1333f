"""Alpha and meta portfolio contribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from contracts.oracle import EXACT, Era, eras, frame, make_era, series
from hypothesis import given, settings
from numerai_tools import scoring as library

from erazoo.errors import ConfigError, DataError
from scoring.eras import EraSlices
from scoring.portfolio import alpha, mpc


def universe(era: Era) -> tuple[np.ndarray, np.ndarray]:
    """(neutralizers orthonormal under the squared weights, weights)."""
    weights = era.rng.uniform(0.2, 2, len(era.target))
    raw = era.rng.normal(size=(len(weights), 3))
    return np.linalg.qr(raw * weights[:, None])[0] / weights[:, None], weights


@settings(deadline=None, max_examples=50)
@given(eras())
def test_alpha(era: Era) -> None:
    design, weights = universe(era)
    era.target[3] = np.nan
    expected = library.alpha(
        frame(era.predictions), frame(design), series(weights), series(era.target)
    )
    ours = alpha(era.predictions, design, weights, era.target, era.slices)
    np.testing.assert_allclose(ours[0], expected, **EXACT)


@settings(deadline=None, max_examples=50)
@given(eras())
def test_mpc(era: Era) -> None:
    design, weights = universe(era)
    era.predictions[4, -1] = era.target[3] = np.nan
    table = frame(era.predictions)
    stakes = pd.Series(era.rng.uniform(1, 9, table.shape[1]), index=table.columns)
    expected = library.meta_portfolio_contribution(
        table, stakes, frame(design), series(weights), series(era.target)
    )
    ours = mpc(era.predictions, stakes.to_numpy(), design, weights, era.target, era.slices)
    np.testing.assert_allclose(ours[0], expected, **EXACT)


def test_rows_that_a_column_lacks_concern_its_own_alpha() -> None:
    era = make_era(np.random.default_rng(3), 50, 3)
    design, weights = universe(era)
    whole = alpha(era.predictions, design, weights, era.target, era.slices)
    era.predictions[5:9, 1] = np.nan
    era.predictions[5:20, 2] = np.nan
    ours = alpha(era.predictions, design, weights, era.target, era.slices)
    expected = library.alpha(
        frame(era.predictions)[["p1"]], frame(design), series(weights), series(era.target)
    )
    assert ours[0, 0] == pytest.approx(whole[0, 0])
    assert ours[0, 1] == pytest.approx(expected["p1"], abs=1e-9)
    assert np.isnan(ours[0, 2])
    assert np.isnan(mpc(era.predictions, np.ones(3), design, weights, era.target, era.slices)).all()


def test_a_constant_column_has_no_score_and_no_say() -> None:
    era = make_era(np.random.default_rng(4), 50, 3)
    design, weights = universe(era)
    era.predictions[:, 1] = 0.5
    stakes, table = np.array([3.0, 9, 1]), frame(era.predictions)
    assert np.isnan(alpha(era.predictions, design, weights, era.target, era.slices)[0, 1])
    ours = mpc(era.predictions, stakes, design, weights, era.target, era.slices)[0]
    expected = library.meta_portfolio_contribution(
        table,
        pd.Series(stakes, index=table.columns),
        frame(design),
        series(weights),
        series(era.target),
    )
    assert np.isnan(ours[1])
    assert expected["p1"] == 0
    np.testing.assert_allclose(ours[[0, 2]], expected[["p0", "p2"]], **EXACT)


def test_eras_with_few_rows_and_without_a_target() -> None:
    era = make_era(np.random.default_rng(5), 49, 2)
    design, weights = universe(era)
    slices = EraSlices.from_labels(np.repeat(["0001", "0002", "0003"], [9, 20, 20]))
    era.target[29:] = np.nan
    for scores in (
        alpha(era.predictions, design, weights, era.target, slices),
        mpc(era.predictions, np.ones(2), design, weights, era.target, slices),
    ):
        assert np.isnan(scores).all(axis=1).tolist() == [True, False, True]


def test_what_makes_no_portfolio() -> None:
    era = make_era(np.random.default_rng(6), 30, 2)
    design, weights = universe(era)
    p, t, slices = era.predictions, era.target, era.slices
    for stakes in (np.array([1.0, -1]), np.zeros(2), np.full(2, np.nan), np.ones(3)):
        with pytest.raises(ConfigError, match="portfolio"):
            mpc(p, stakes, design, weights, t, slices)
    with pytest.raises(DataError, match="do not fit"):
        alpha(p, design[1:], weights, t, slices)
    weights[4] = np.nan
    with pytest.raises(DataError, match="not finite"):
        alpha(p, design, weights, t, slices)
    constant = np.full((30, 2), 0.5)
    weights[4] = 1
    assert np.isnan(mpc(constant, np.ones(2), design, weights, t, slices)).all()
