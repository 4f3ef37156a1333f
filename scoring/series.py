"""Figures of per-era scores, each over all columns at once.

Every function takes (E,) or (E, M) scores in chronological order and returns (M,). Eras without a
score are NaN and left out; where neighbours matter, lags are counted on the given axis and a pair
takes part when both of its eras have a score. A figure that is undefined is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[Any]
Figures = NDArray[np.float64]


def as_table(scores: Scores) -> Figures:
    """Scores as (E, M) in double precision."""
    array = np.asarray(scores, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array


def counts(scores: Scores) -> NDArray[np.int64]:
    """Eras with a score."""
    return np.asarray((~np.isnan(as_table(scores))).sum(axis=0), dtype=np.int64)


def mean(scores: Scores) -> Figures:
    """The mean over eras."""
    table = as_table(scores)
    return divide(np.nansum(table, axis=0), counts(table))


def std(scores: Scores, ddof: int = 0) -> Figures:
    """The standard deviation over eras; exactly 0 where the scores do not vary."""
    table = as_table(scores)
    squares = np.nansum((table - mean(table)) ** 2, axis=0)
    return _exact(np.sqrt(divide(squares, counts(table) - ddof)), table)


def sharpe(scores: Scores) -> Figures:
    """Mean over std (ddof 0), not annualised; NaN where the scores do not vary.

    Source: `numerai_tools.scoring.sharpe_ratio`.
    """
    return divide(mean(scores), std(scores))


def smart_sharpe(scores: Scores) -> Figures:
    """Sharpe with a penalty for autocorrelation, not annualised.

    mean / (std (ddof 1) * sqrt(1 + 2 sum_{k=1}^{n-1} (1 - k/n) |rho|^k)), rho the lag-1
    autocorrelation and n the eras with a score. The magnitude of rho counts, so that alternating
    scores are penalised as well.

    Source: https://forum.numer.ai/t/more-metrics-for-ya/636, which annualises it.
    """
    table = as_table(scores)
    eras = counts(table)
    rho = np.abs(autocorrelation(table))
    total = np.zeros(table.shape[1])
    for lag in range(len(table) - 1, 0, -1):
        total = rho * (total + np.maximum(1 - lag / np.maximum(eras, 1), 0.0))
    return divide(mean(table), std(table, ddof=1) * np.sqrt(1 + 2 * total))


def autocorrelation(scores: Scores, lag: int = 1) -> Figures:
    """Pearson correlation of the scores with those `lag` eras later, as `pandas.Series.autocorr`.

    NaN with fewer than three pairs, or where either side of them does not vary.
    """
    table = as_table(scores)
    early, late = table[:-lag], table[lag:]
    apart = np.isnan(early) | np.isnan(late)
    early, late = np.where(apart, np.nan, early), np.where(apart, np.nan, late)
    products = np.nansum((early - mean(early)) * (late - mean(late)), axis=0)
    norms = counts(early) * std(early) * std(late)
    rho = np.clip(divide(products, norms), -1.0, 1.0)
    return np.where(counts(early) > 2, rho, np.nan)


def hit_rate(scores: Scores) -> Figures:
    """The share of eras with a score above 0."""
    table = as_table(scores)
    return divide((table > 0).sum(axis=0), counts(table))


def last_mean(scores: Scores, eras: int) -> Figures:
    """The mean of the newest `eras` scores, of all where there are fewer."""
    table = as_table(scores)
    scored = ~np.isnan(table)
    newer = np.cumsum(scored[::-1], axis=0)[::-1]
    return mean(np.where(newer <= eras, table, np.nan))


def worst(scores: Scores) -> tuple[Figures, NDArray[np.int64]]:
    """The lowest score of each column and the (first) era that has it, -1 where none is scored."""
    table = as_table(scores)
    if not len(table):
        return np.full(table.shape[1], np.nan), np.full(table.shape[1], -1)
    filled = np.where(np.isnan(table), np.inf, table)
    at = filled.argmin(axis=0)
    lowest = np.take_along_axis(filled, at[None], axis=0)[0]
    scored = np.isfinite(lowest)
    return np.where(scored, lowest, np.nan), np.where(scored, at, -1)


@dataclass(frozen=True)
class Drawdowns:
    """The deepest fall of each column's cumulative score.

    Args:
        depth: (M,) how far the sum fell below its running maximum, >= 0.
        start: (M,) the era of the peak that it fell from, -1 without a fall.
        eras: (M,) eras from the peak to the first era that is back at it, or to the last era
            with a score where none is.
    """

    depth: Figures
    start: NDArray[np.int64]
    eras: NDArray[np.int64]


def drawdown(scores: Scores) -> Figures:
    """max(cummax(cumsum) - cumsum) over eras, the running maximum starting at the first era."""
    total, peak = _climb(as_table(scores))
    if not len(total):
        return np.full(total.shape[1], np.nan)
    falls = np.where(np.isneginf(peak), -np.inf, peak - total).max(axis=0)
    return np.where(np.isneginf(falls), np.nan, falls)


def drawdowns(scores: Scores) -> Drawdowns:
    """`drawdown` with where it began and how long it took; of equal falls the first."""
    table = as_table(scores)
    depth = drawdown(table)
    if not len(table):
        none = np.full(table.shape[1], -1)
        return Drawdowns(depth, none, np.zeros_like(none))
    total, peak = _climb(table)
    position = np.arange(len(table))[:, None]
    scored = ~np.isnan(table)
    trough = np.where(np.isneginf(peak), -1.0, peak - total).argmax(axis=0)
    height = np.take_along_axis(peak, trough[None], axis=0)[0]
    at_peak = scored & (total >= height)
    start = np.where(at_peak & (position <= trough), position, -1).max(axis=0)
    recovered = at_peak & (position > trough)
    end = np.where(scored, position, -1).max(axis=0)
    end = np.where(recovered.any(axis=0), recovered.argmax(axis=0), end)
    fell = depth > 0
    return Drawdowns(depth, np.where(fell, start, -1), np.where(fell, end - start, 0))


def standard_error(scores: Scores, overlap: int = 0) -> Figures:
    """Standard error of the mean over eras.

    Without overlap this is std (ddof 1) / sqrt(eras). Labels that reach `overlap` eras past their
    own make neighbouring scores alike and the plain error too small; then the covariances of the
    first `overlap` lags join with falling weights 1 - lag / (overlap + 1) (Newey and West, 1987).

    Args:
        scores: (E,) or (E, M), consecutive eras.
        overlap: lags that join.

    Returns:
        (M,), NaN with fewer than two eras.
    """
    table = as_table(scores)
    eras = counts(table)
    centred = np.nan_to_num(table - mean(table))
    variance = np.einsum("ij,ij->j", centred, centred)
    for lag in range(1, min(overlap, len(table) - 1) + 1):
        products = np.einsum("ij,ij->j", centred[lag:], centred[:-lag])
        variance = variance + 2 * (1 - lag / (overlap + 1)) * products
    # The weights keep the sum non-negative up to rounding.
    return _exact(np.sqrt(divide(np.maximum(variance, 0.0), eras * (eras - 1))), table)


def divide(above: Scores, below: Scores) -> Figures:
    """The quotient where `below` is positive, NaN elsewhere."""
    result = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=result, where=np.asarray(below) > 0)
    return result


def _exact(spread: Figures, table: Figures) -> Figures:
    """0 where scores do not vary, where taking off their mean can leave rounding."""
    highest = np.nanmax(table, axis=0, initial=-np.inf)
    varied = highest > np.nanmin(table, axis=0, initial=np.inf)
    return np.where(varied | np.isnan(spread), spread, 0.0)


def _climb(table: Figures) -> tuple[Figures, Figures]:
    """The running sum, and its running maximum (-inf before the first score)."""
    total = np.nancumsum(table, axis=0)
    seen = np.cumsum(~np.isnan(table), axis=0) > 0
    peak = np.maximum.accumulate(np.where(seen, total, -np.inf), axis=0)
    return total, np.asarray(peak, dtype=np.float64)
