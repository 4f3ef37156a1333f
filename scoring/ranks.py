"""Ranks within an era: tie-kept, exact, and by way of one table an era size."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from scoring.blocks import as_columns
from scoring.eras import EraSlices

Ties = Literal["average", "first"]


def double_ranks(values: NDArray[np.floating[Any]], ties: Ties = "average") -> NDArray[np.int64]:
    """Twice the zero-based rank of each value in its row, a whole number even for ties.

    >>> double_ranks(np.array([[0.3, 0.1, 0.3]])).tolist()
    [[3, 0, 3]]

    Args:
        values: (M, n) without NaN, one contiguous row a prediction column.
        ties: equal values share their average rank, or take ranks in row order.

    Returns:
        (M, n), values 0 to 2 (n - 1).
    """
    columns, rows = values.shape
    order = np.argsort(values, axis=1, kind="stable" if ties == "first" else None)
    ranks = np.broadcast_to(2 * np.arange(rows), (columns, rows))
    if ties == "average":
        ordered = np.take_along_axis(values, order, axis=1)
        steps = ordered[:, 1:] != ordered[:, :-1]
        tied = np.flatnonzero(~steps.all(axis=1))
        if len(tied):
            ranks = ranks.copy()
            ranks[tied] = _shared(steps[tied])
    result = np.empty((columns, rows), dtype=np.int64)
    np.put_along_axis(result, order, ranks, axis=1)
    return result


def _shared(steps: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First plus last position of the tie that each sorted position belongs to."""
    edge = np.ones((len(steps), 1), dtype=np.bool_)
    places = np.arange(steps.shape[1] + 1)
    first = np.where(np.hstack((edge, steps)), places, 0)
    last = np.where(np.hstack((steps, edge)), places, len(places))
    first = np.maximum.accumulate(first, axis=1)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(first + last, dtype=np.int64)


@lru_cache(maxsize=128)
def gaussian_table(rows: int) -> NDArray[np.float64]:
    """The normal quantile of each double rank among `rows` values, shape (2 rows - 1,).

    Entry `j` is the quantile of (j + 1) / (2 rows), which for the average rank r (from 1) is
    (r - 0.5) / rows. Source: `numerai_tools.scoring.rank` and `gaussian`.
    """
    table = np.asarray(ndtri(np.arange(1, 2 * rows) / (2 * rows)), dtype=np.float64)
    table.setflags(write=False)
    return table


def gaussian_ranks(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Tie-kept ranks as normal quantiles, (M, n) from (M, n) without NaN."""
    return np.take(gaussian_table(values.shape[1]), double_ranks(values))


def era_ranks(
    predictions: NDArray[Any], slices: EraSlices, ties: Ties = "average"
) -> NDArray[np.float64]:
    """Ranks within each era, between 0 and 1 with mean 0.5.

    The rank of a value is (r - 0.5) / n for its average (or first) rank r from 1 among the n
    values present in the era; NaN stays NaN. Source: `numerai_tools.scoring.tie_kept_rank` and
    `tie_broken_rank`.

    Args:
        predictions: (n,) or (n, M).
        slices: the eras of the rows.
        ties: `average` keeps ties, `first` breaks them by row order.

    Returns:
        The same shape as `predictions`.
    """
    columns = as_columns(predictions, slices)
    ranks = np.full(columns.shape, np.nan)
    for span in slices:
        values = np.ascontiguousarray(columns[span].T)
        missing = np.isnan(values)
        gaps = missing.any(axis=1)
        if not gaps.all():
            shares = (double_ranks(values[~gaps], ties) + 1) / (2 * values.shape[1])
            ranks[span, ~gaps] = shares.T
        for j in np.flatnonzero(gaps & ~missing.all(axis=1)):
            kept = ~missing[j]
            present = values[j : j + 1, kept]
            ranks[span.start + np.flatnonzero(kept), j] = (double_ranks(present, ties)[0] + 1) / (
                2 * present.shape[1]
            )
    return ranks.reshape(np.shape(predictions))


def era_gaussian(predictions: NDArray[Any], slices: EraSlices) -> NDArray[np.float64]:
    """Ranks within each era as normal quantiles; shapes and NaN as in `era_ranks`."""
    return np.asarray(ndtri(era_ranks(predictions, slices)), dtype=np.float64)
