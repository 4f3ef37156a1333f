"""Skill or luck: p values, probabilistic and deflated Sharpe ratios of per-era scores.

Neighbouring eras are alike, so none of this takes eras for independent draws. The variance of the
mean is estimated over a window of three blocks (`bootstrap.block_length`), freed of the bias that
taking off the mean brings, and judged by Student's t with the degrees of freedom that such a
window leaves (Priestley, Spectral Analysis and Time Series, 1981: 1.5 eras / window for Bartlett
weights). From 50 eras on, with an overlap up to 12, a test at 5 % so finds skill in at most 7 of
100 series of noise; with eras taken as independent it finds it in one of three.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from erazoo.errors import ConfigError
from scoring import series
from scoring.bootstrap import LEAST_BLOCKS, block_length
from scoring.series import Figures, as_table


@dataclass(frozen=True)
class LongRun:
    """How well the mean of each column is known.

    Args:
        error: (M,) standard error of the mean, NaN with fewer eras than three blocks.
        freedom: (M,) degrees of freedom of that error.
        eras: (M,) effective eras: how many independent ones would tell as much, at most those
            that have a score.
    """

    error: Figures
    freedom: Figures
    eras: Figures


def long_run(scores: NDArray[Any], overlap: int = 0) -> LongRun:
    """The error of each column's mean, allowing for autocorrelation.

    Args:
        scores: (E,) or (E, M), consecutive eras, NaN where an era has no score.
        overlap: eras that a label reaches past its own.
    """
    table = as_table(scores)
    counts = series.counts(table)
    error, freedom = np.full((2, table.shape[1]), np.nan)
    for eras in np.unique(counts):
        window = LEAST_BLOCKS * block_length(int(eras), overlap)
        if 1 < window <= eras:
            kept = counts == eras
            plain = series.standard_error(table[:, kept], window - 1)
            error[kept] = plain * np.sqrt((eras - 1) / eras / _unbiased_share(int(eras), window))
            freedom[kept] = 1.5 * eras / window
    effective = series.divide(series.std(table) ** 2, error**2)
    return LongRun(error, freedom, np.minimum(counts, effective))


def paired_difference(
    one: NDArray[Any], other: NDArray[Any], overlap: int = 0
) -> tuple[float, float]:
    """The mean of one candidate's scores beyond another's, era by era.

    Args:
        one: (E,) scores, consecutive eras, NaN where an era has no score.
        other: (E,) of the same eras.
        overlap: eras that a label reaches past its own.

    Returns:
        The mean and its `long_run` error, NaN where too few eras have both scores.
    """
    beyond = np.asarray(one, dtype=np.float64) - other
    return float(series.mean(beyond)[0]), float(long_run(beyond, overlap).error[0])


def p_value(scores: NDArray[Any], overlap: int = 0) -> Figures:
    """How often a true mean of 0 would give such a mean or a higher one (one-sided).

    The mean over its `long_run` error, which is larger than `Summary.standard_error`, by
    Student's t.

    Args:
        scores: (E,) or (E, M), consecutive eras, NaN where an era has no score.
        overlap: eras that a label reaches past its own.

    Returns:
        (M,), NaN where too few eras are scored or the scores do not vary.
    """
    known = long_run(scores, overlap)
    statistic = series.divide(series.mean(scores), known.error)
    return np.asarray(stdtr(known.freedom, -statistic), dtype=np.float64)


def probabilistic_sharpe(
    scores: NDArray[Any], benchmark: float | Figures = 0.0, overlap: int = 0
) -> Figures:
    """The probability that the true Sharpe ratio is above `benchmark`.

    F((S - benchmark) sqrt(T - 1) / sqrt(1 - g3 S + (g4 - 1) / 4 S^2)) with the Sharpe S, skewness
    g3 and kurtosis g4 (3 for a normal distribution) of the scores: Bailey and Lopez de Prado, The
    Sharpe ratio efficient frontier, Journal of Risk 15(2), 2012. T are the effective eras and F
    is Student's t in the place of the normal distribution, both of `long_run`.

    Args:
        scores: (E,) or (E, M), consecutive eras, NaN where an era has no score.
        benchmark: a Sharpe ratio an era, one for all columns or (M,).
        overlap: eras that a label reaches past its own.

    Returns:
        (M,) in 0 to 1, NaN where too few eras are scored or the scores do not vary.
    """
    table = as_table(scores)
    known = long_run(table, overlap)
    ratio = series.sharpe(table)
    skewness, kurtosis = _moment(table, 3), _moment(table, 4)
    spread = np.sqrt(1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2)
    statistic = (ratio - benchmark) * np.sqrt(np.maximum(known.eras - 1, 0)) / spread
    return np.asarray(stdtr(known.freedom, statistic), dtype=np.float64)


def deflated_sharpe(
    scores: NDArray[Any], trials: int, overlap: int = 0, spread: float | None = None
) -> Figures:
    """The probability that a Sharpe ratio is more than the best of `trials` tries by luck.

    The probabilistic Sharpe ratio against `expected_best(trials)` times the standard deviation of
    the trials' Sharpe ratios: Bailey and Lopez de Prado, The deflated Sharpe ratio, Journal of
    Portfolio Management 40(5), 2014. Above 0.95 it is called significant.

    Args:
        scores: (E,) or (E, M), consecutive eras, NaN where an era has no score.
        trials: candidates that were ever tried, those that were dropped included.
        overlap: eras that a label reaches past its own.
        spread: standard deviation of the Sharpe ratios of all trials. None takes it from the
            columns, but no less than the error 1 / sqrt(effective eras - 1) that a Sharpe ratio
            of 0 has: few or similar columns show too little of it.

    Returns:
        (M,) in 0 to 1, NaN where too few eras are scored or the scores do not vary.

    Raises:
        ConfigError: fewer trials than columns, a negative spread.
    """
    table = as_table(scores)
    if trials < max(table.shape[1], 1) or (spread is not None and spread < 0):
        raise ConfigError(
            "the deflated Sharpe ratio cannot be taken",
            received=f"{trials} trials for {table.shape[1]} columns, spread {spread}",
            expected="every column counted as a trial, and a spread of 0 or more",
        )
    deviation = _spread(table, overlap) if spread is None else spread
    return probabilistic_sharpe(table, expected_best(trials) * deviation, overlap)


def best_by_luck(scores: NDArray[Any], tries: float, overlap: int = 0) -> Figures:
    """The Sharpe ratio that the best of many tries without skill is expected to reach.

    Two things set it apart from the hurdle of `deflated_sharpe`, which fit a search of a wide
    space. The spread of the Sharpe ratios is their error where the true one is 0, and not that of
    the trials, of which most may be plainly bad: such a spread is no luck, and nothing could pass.
    And `expected_best` is carried over to Student's t with the freedom of each error, because the
    best of many is often one whose error came out too small. Of 500 independent series of noise
    over 40 eras with an overlap of 4, one passes 0.95 in 4 of 100 searches; with the normal
    quantile in 76.

    Args:
        scores: (E,) or (E, M), consecutive eras, NaN where an era has no score.
        tries: independent tries, 1 or more; see `expected_best`.
        overlap: eras that a label reaches past its own.

    Returns:
        (M,), to be given to `probabilistic_sharpe`; NaN where too few eras are scored.
    """
    known = long_run(scores, overlap)
    highest = stdtrit(known.freedom, ndtr(expected_best(tries)))
    return np.asarray(highest * np.sqrt(series.divide(np.ones(len(known.eras)), known.eras - 1)))


def expected_best(trials: float) -> float:
    """The expected highest of `trials` standard normal draws.

    (1 - g) z(1 - 1/N) + g z(1 - 1/(N e)), g the Euler-Mascheroni constant and z the normal
    quantile (Bailey and Lopez de Prado, 2014); 0 for one trial.

    >>> round(expected_best(1000), 2)
    3.26
    """
    if trials <= 1:
        return 0.0
    highest, later = -ndtri([1 / trials, 1 / (trials * math.e)])
    return float((1 - np.euler_gamma) * highest + np.euler_gamma * later)


def _spread(table: Figures, overlap: int) -> Figures:
    ratios = series.sharpe(table)
    found = series.std(ratios, ddof=1)
    lowest = np.sqrt(series.divide(np.ones(len(ratios)), long_run(table, overlap).eras - 1))
    return np.fmax(found, lowest)


def _moment(table: Figures, order: int) -> Figures:
    """The mean of the standardised scores to the power of `order`."""
    standard = (table - series.mean(table)) / np.where(series.std(table) > 0, series.std(table), 1)
    return series.mean(standard**order)


def _unbiased_share(eras: int, window: int) -> float:
    """The expected part of the variance that is left after taking off the mean, for white noise."""
    lags = np.arange(1, window)
    return float(1 - (1 + 2 * np.sum((1 - lags / window) * (1 - lags / eras))) / eras)
