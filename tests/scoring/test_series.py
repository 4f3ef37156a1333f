"""The figures of per-era scores, against pandas, the tournament's library and plain formulas."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numerai_tools import scoring as library
from numpy.typing import NDArray

from scoring import series

NAN = math.nan
SCORES = np.array([0.02, -0.01, -0.03, 0.05, 0.01])
HOLED = np.array([NAN, 0.02, -0.01, NAN, -0.03, 0.05, 0.01, NAN])

TABLES = st.integers(0, 2**32 - 1).map(
    lambda seed: np.where(
        np.random.default_rng(seed).random((23, 4)) < 0.2,
        NAN,
        np.random.default_rng(seed + 1).normal(size=(23, 4)).round(1),
    )
)


def test_std_takes_ddof() -> None:
    assert series.std(SCORES, ddof=1)[0] == pytest.approx(np.std(SCORES, ddof=1))
    assert np.isnan(series.std(np.array([0.1]), ddof=1)[0])
    assert series.std(np.full(7, 0.1))[0] == 0


def test_sharpe_is_the_library_s() -> None:
    assert series.sharpe(SCORES)[0] == pytest.approx(library.sharpe_ratio(pd.Series(SCORES)))


@pytest.mark.parametrize("scores", [[0.1, 0.1, 0.1], [0.3], [NAN, 0.1], [NAN]])
def test_scores_that_do_not_vary_have_no_sharpe(scores: list[float]) -> None:
    for figure in (series.sharpe, series.smart_sharpe, series.autocorrelation):
        assert np.isnan(figure(np.array(scores)))


@given(TABLES)
def test_each_column_is_scored_as_if_alone(table: NDArray[np.float64]) -> None:
    for figure in (
        series.mean,
        series.sharpe,
        series.smart_sharpe,
        series.drawdown,
        series.autocorrelation,
        lambda scores: series.last_mean(scores, 5),
        lambda scores: series.standard_error(scores, 3),
        lambda scores: series.worst(scores)[1],
        lambda scores: series.drawdowns(scores).eras,
    ):
        alone = np.concatenate([figure(column) for column in table.T])
        np.testing.assert_allclose(figure(table), alone, rtol=1e-9, atol=1e-12)


@given(TABLES, st.integers(1, 3))
def test_autocorrelation_is_pandas_s(table: NDArray[np.float64], lag: int) -> None:
    for found, column in zip(series.autocorrelation(table, lag), table.T, strict=True):
        pairs = (np.isfinite(column[:-lag]) & np.isfinite(column[lag:])).sum()
        expected = pd.Series(column).autocorr(lag) if pairs > 2 else NAN
        assert found == pytest.approx(expected, abs=1e-9, nan_ok=True)


@given(st.integers(0, 2**32 - 1), st.integers(4, 60), st.floats(-1, 1))
def test_smart_sharpe_is_its_formula(seed: int, eras: int, rho: float) -> None:
    scores = np.random.default_rng(seed).normal(size=eras)
    scores[1:] += rho * scores[:-1]
    n, rho = len(scores), abs(np.corrcoef(scores[:-1], scores[1:])[0, 1])
    penalty = math.sqrt(1 + 2 * sum((1 - k / n) * rho**k for k in range(1, n)))
    expected = scores.mean() / (scores.std(ddof=1) * penalty)
    assert series.smart_sharpe(scores)[0] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_smart_sharpe_counts_only_eras_with_a_score() -> None:
    late = np.concatenate((np.full(30, NAN), SCORES))
    assert series.smart_sharpe(late)[0] == pytest.approx(series.smart_sharpe(SCORES)[0])


def test_autocorrelation_of_a_gap_pairs_no_eras_across_it() -> None:
    scores = np.array([1.0, 2.0, 4.0, 3.0, NAN, 5.0, 1.0, 2.0])
    early, late = scores[[0, 1, 2, 5, 6]], scores[[1, 2, 3, 6, 7]]
    assert series.autocorrelation(scores)[0] == pytest.approx(np.corrcoef(early, late)[0, 1])


def test_the_running_maximum_starts_at_the_first_era() -> None:
    assert series.drawdown(np.array([-0.1, -0.1, 0.3])) == pytest.approx(0.1)
    assert series.drawdown(np.array([NAN, -0.1, -0.1, 0.3])) == pytest.approx(0.1)
    assert series.drawdown(np.array([0.1, 0.1])) == 0
    assert series.drawdown(np.array([-0.1])) == 0


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_drawdown_is_its_formula(scores: list[float]) -> None:
    total = np.cumsum(scores)
    expected = max(np.maximum.accumulate(total) - total)
    assert series.drawdown(np.array(scores))[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "start", "eras"),
    [
        ([1, -1, -1, 2, 1], 0, 3),
        ([1, -1, -1, 1], 0, 3),
        ([1, 1, -3, 1, 1, 2], 1, 4),
        ([1, -2, 5, -1, -1, 1], 0, 2),
        ([1, -1, 1, -1, -1], 2, 2),
        ([-1, -1, -1], 0, 2),
        ([NAN, 1, NAN, -2, NAN, 3, NAN], 1, 4),
        ([1, NAN, -2, NAN], 0, 2),
        ([1, 0, -1, 2], 1, 2),
        ([1, 1, 1], -1, 0),
        ([NAN, NAN], -1, 0),
    ],
)
def test_where_a_drawdown_begins_and_how_long_it_takes(
    scores: list[float], start: int, eras: int
) -> None:
    found = series.drawdowns(np.array(scores, dtype=float))
    assert (found.start[0], found.eras[0]) == (start, eras)


@given(TABLES)
def test_a_drawdown_is_as_deep_as_the_scores_after_its_peak(table: NDArray[np.float64]) -> None:
    falls = series.drawdowns(table)
    filled = np.nan_to_num(table)
    for j in np.flatnonzero(falls.start >= 0):
        end = falls.start[j] + falls.eras[j]
        below = np.cumsum(filled[falls.start[j] + 1 : end + 1, j])
        assert -below.min() == pytest.approx(falls.depth[j])
        assert below[:-1].max(initial=-np.inf) < 1e-12


def test_hit_rate_and_worst_and_last() -> None:
    assert series.hit_rate(HOLED)[0] == pytest.approx(0.6)
    value, era = series.worst(np.column_stack((HOLED, np.full(8, NAN))))
    assert (value[0], era[0]) == (-0.03, 4)
    assert (np.isnan(value[1]), era[1]) == (True, -1)
    assert series.last_mean(HOLED, 2)[0] == pytest.approx(0.03)
    assert series.last_mean(HOLED, 99)[0] == pytest.approx(SCORES.mean())


def test_overlapping_labels_widen_the_standard_error() -> None:
    """A moving sum of 5 independent draws: the true error of its mean is known."""
    rng = np.random.default_rng(3)
    draws = rng.normal(size=(2004, 200))
    sums = sum(draws[k : 2000 + k] for k in range(5))
    truth = np.std(sums.mean(axis=0))
    assert series.standard_error(sums).mean() < 0.6 * truth
    assert series.standard_error(sums, overlap=30).mean() == pytest.approx(truth, rel=0.15)


def test_standard_error_is_newey_and_west_s() -> None:
    x = SCORES - SCORES.mean()
    variance = x @ x + 2 * (2 / 3 * x[1:] @ x[:-1] + 1 / 3 * x[2:] @ x[:-2])
    assert series.standard_error(SCORES, overlap=2)[0] == pytest.approx(math.sqrt(variance / 20))


def test_overlap_longer_than_the_series() -> None:
    assert series.standard_error(SCORES, overlap=50)[0] >= 0
    assert np.isnan(series.standard_error(np.array([0.1]), overlap=3)[0])


def test_no_era_at_all() -> None:
    empty = np.empty((0, 3))
    for figure in (series.mean, series.sharpe, series.smart_sharpe, series.drawdown):
        assert np.isnan(figure(empty)).all()
    assert (series.drawdowns(empty).start == -1).all()
    assert (series.worst(empty)[1] == -1).all()
