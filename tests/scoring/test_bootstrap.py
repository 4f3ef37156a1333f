"""Intervals cover a known mean at the stated rate, where the plain percentiles do not."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.noise import autoregressive, overlapping
from numpy.typing import NDArray

from erazoo.errors import ConfigError
from scoring import series
from scoring.bootstrap import _errors, block_length, mean_interval

SERIES = 1200
# The stated 91 to 95 %, within four standard errors of a share of 1,200 series (0.03).
LOWEST, HIGHEST = 0.88, 0.98
CASES = {
    "independent, 50 eras": (overlapping(50, 0, SERIES, 1), 0),
    "independent, overlap allowed for, 50 eras": (overlapping(50, 0, SERIES, 2), 4),
    "overlap 4, 50 eras": (overlapping(50, 4, SERIES, 3), 4),
    "overlap 4, 200 eras": (overlapping(200, 4, SERIES, 4), 4),
    "overlap 12, 50 eras": (overlapping(50, 12, SERIES, 5), 12),
    "overlap 12, 100 eras": (overlapping(100, 12, SERIES, 6), 12),
    "autoregressive 0.5, 50 eras": (autoregressive(50, 0.5, SERIES, 7), 0),
    "autoregressive 0.5, 100 eras": (autoregressive(100, 0.5, SERIES, 8), 0),
    "skewed, 50 eras": (overlapping(50, 0, SERIES, 9) ** 2 - 1, 0),
}


def coverage(
    scores: NDArray[np.float64], overlap: int, level: float = 0.95, truth: float = 0.0
) -> float:
    held = []
    for seed, part in enumerate(np.array_split(scores, 6, axis=1)):
        low, high = mean_interval(part, overlap, level, resamples=300, seed=seed)
        held.append((low <= truth) & (truth <= high))
    return float(np.concatenate(held).mean())


@pytest.mark.parametrize("case", CASES)
def test_intervals_cover_the_true_mean_at_the_stated_rate(case: str) -> None:
    scores, overlap = CASES[case]
    assert LOWEST < coverage(scores, overlap) < HIGHEST


@pytest.mark.long
def test_on_long_series_the_rate_is_the_level() -> None:
    scores = overlapping(300, 4, SERIES, 10)
    assert coverage(scores, 4) == pytest.approx(0.95, abs=0.027)
    assert coverage(scores, 4, level=0.8) == pytest.approx(0.8, abs=0.05)


def test_the_measure_of_coverage_can_fail() -> None:
    """Blocks that ignore the overlap, and percentiles of resampled means, cover too seldom."""
    scores, overlap = CASES["overlap 12, 50 eras"]
    assert coverage(scores, 0) < 0.88
    assert percentile_coverage(scores, overlap) < 0.8
    assert coverage(scores, overlap, truth=2.0) < 0.6


def percentile_coverage(scores: NDArray[np.float64], overlap: int) -> float:
    eras = len(scores)
    block = block_length(eras, overlap)
    starts = np.random.default_rng(0).integers(0, eras, size=(300, -(-eras // block)))
    order = (starts[:, :, None] + np.arange(block)).reshape(300, -1)[:, :eras] % eras
    low, high = np.quantile(scores[order].mean(axis=1), [0.025, 0.975], axis=0)
    return float(((low <= 0) & (high >= 0)).mean())


def test_the_same_seed_gives_the_same_interval() -> None:
    scores = overlapping(80, 4, 3, 11)
    first = mean_interval(scores, 4, resamples=200, seed=5)
    again = mean_interval(scores, 4, resamples=200, seed=5)
    other = mean_interval(scores, 4, resamples=200, seed=6)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_interval_moves_and_stretches_with_the_scores() -> None:
    scores = overlapping(80, 4, 1, 12)
    low, high = mean_interval(scores, 4)
    moved_low, moved_high = mean_interval(0.01 * scores + 3, 4)
    assert moved_low == pytest.approx(0.01 * low + 3)
    assert moved_high == pytest.approx(0.01 * high + 3)


def test_eras_without_a_score_are_left_out() -> None:
    scores = overlapping(60, 4, 1, 13)[:, 0]
    holed = np.concatenate((np.full(40, np.nan), scores, [np.nan]))
    both = np.column_stack((holed, np.full(len(holed), np.nan)))
    low, high = mean_interval(both, 4)
    expected = mean_interval(scores, 4)
    assert (low[0], high[0]) == (expected[0][0], expected[1][0])
    assert np.isnan([low[1], high[1]]).all()


@pytest.mark.parametrize(
    ("eras", "overlap", "defined"),
    [(38, 12, False), (39, 12, True), (30, 0, True), (2, 0, False), (0, 0, False)],
)
def test_three_blocks_are_the_least(eras: int, overlap: int, defined: bool) -> None:
    low, _ = mean_interval(overlapping(eras, 0, 1, 14), overlap)
    assert bool(np.isfinite(low[0])) is defined


def test_scores_that_do_not_vary_have_no_interval() -> None:
    assert np.isnan(mean_interval(np.full(50, 0.1))[0]).all()


@pytest.mark.parametrize(("level", "resamples"), [(1.0, 10), (0.0, 10), (0.95, -1)])
def test_senseless_wishes_are_refused(level: float, resamples: int) -> None:
    with pytest.raises(ConfigError, match="cannot be made"):
        mean_interval(np.arange(9.0), level=level, resamples=resamples)


@pytest.mark.parametrize("window", [1, 4, 30])
def test_window_sums_are_the_newey_west_error(window: int) -> None:
    scores = overlapping(30, 2, 5, 15)
    centred = scores - scores.mean(axis=0)
    expected = series.standard_error(scores, window - 1) * np.sqrt(29 / 30)
    np.testing.assert_allclose(_errors(centred.T, window), expected)
