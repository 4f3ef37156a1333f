"""Ranks within an era: tie-kept and exact, sorted rows, and one table of quantiles an era size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from erazoo.errors import ConfigError
from scoring.blocks import as_columns
from scoring.eras import EraSlices

Ties = Literal["average", "first"]


def sorted_ranks(
    values: NDArray[np.floating[Any]], ties: Ties = "average"
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each row in ascending order, and twice the zero-based rank of what stands there.

    Args:
        values: (M, n) without NaN, one contiguous row a prediction column.
        ties: equal values share their average rank, or take ranks in row order.

    Returns:
        Positions (M, n), equal values in row order, and ranks (M, n) at these positions: whole
        numbers even for ties, 0 to 2 (n - 1), not to be written to.
    """
    order, ordered = _sorted(values)
    ranks = np.broadcast_to(2 * np.arange(values.shape[1]), values.shape)
    if ties == "average":
        steps = ordered[:, 1:] != ordered[:, :-1]
        tied = np.flatnonzero(~steps.all(axis=1))
        if len(tied):
            ranks = ranks.copy()
            ranks[tied] = _shared(steps[tied])
    return order, ranks


def _sorted(
    values: NDArray[np.floating[Any]],
) -> tuple[NDArray[np.int64], NDArray[np.floating[Any]]]:
    """A stable order of each row, and the row in that order.

    The bits of a double, read as a whole number, ascend with it; their lowest give way to the
    position, so that one sort of whole numbers moves both. Rows in which two values differ in
    those lowest bits alone may come out wrong; they are seen and sorted again.
    """
    low = (1 << max(values.shape[1] - 1, 1).bit_length()) - 1
    # -0.0 equals 0.0 but has other bits; the sum of the two has not.
    keys = np.add(values, 0.0, dtype=np.float64).view(np.int64)
    flips = keys >> 63
    flips &= np.int64(2**63 - 1)
    keys ^= flips
    keys &= ~low
    keys |= np.arange(values.shape[1])
    keys.sort(axis=1)
    keys &= low
    ordered = gather(values, keys)
    for j in np.flatnonzero((ordered[:, 1:] < ordered[:, :-1]).any(axis=1)):
        keys[j] = np.argsort(values[j], kind="stable")
        ordered[j] = values[j, keys[j]]
    return keys, ordered


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
    order, ranks = sorted_ranks(values, ties)
    result = np.empty(values.shape, dtype=np.int64)
    for into, places, row in zip(result, order, ranks, strict=True):
        into[places] = row
    return result


def gather(values: NDArray[Any], order: NDArray[np.int64]) -> NDArray[Any]:
    """Each row of (M, n) in its own order (M, k); several times faster than `take_along_axis`."""
    result = np.empty(order.shape, dtype=values.dtype)
    for into, row, places in zip(result, values, order, strict=True):
        into[:] = row[places]
    return result


def end_count(top_bottom: int | None) -> int:
    """How many predictions of each end a score takes, 0 for all of them.

    Raises:
        ConfigError: a number below 1.
    """
    if top_bottom is not None and top_bottom < 1:
        raise ConfigError(
            "the number of top and bottom predictions is out of range",
            received=top_bottom,
            expected="at least 1, or None for all predictions",
        )
    return top_bottom or 0


def ends(ordered: NDArray[Any], count: int) -> NDArray[Any]:
    """The first and the last `count` columns of sorted rows; all of them where it is 0."""
    return np.hstack((ordered[:, :count], ordered[:, -count:])) if count else ordered


def pearson_rows(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson correlation row by row, NaN where a side is constant.

    Args:
        ours: (M, n) without NaN; overwritten.
        theirs: (M, n) without NaN; overwritten.

    Returns:
        (M,).
    """
    constant = (np.ptp(ours, axis=1) == 0) | (np.ptp(theirs, axis=1) == 0)
    ours -= ours.mean(axis=1, keepdims=True)
    theirs -= theirs.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("ij,ij->i", ours, ours) * np.einsum("ij,ij->i", theirs, theirs))
    norms[constant] = np.nan
    return np.asarray(np.einsum("ij,ij->i", ours, theirs) / norms, dtype=np.float64)


def _shared(steps: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First plus last position of the tie that each sorted position belongs to."""
    rows, last = steps.shape
    starts = np.flatnonzero(np.hstack((np.ones((rows, 1), dtype=np.bool_), steps)))
    sizes = np.diff(starts, append=rows * (last + 1))
    return np.repeat(2 * (starts % (last + 1)) + sizes - 1, sizes).reshape(rows, last + 1)


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


def rank_average(
    columns: Sequence[NDArray[Any]], slices: EraSlices, weights: Sequence[float] | None = None
) -> NDArray[np.float32]:
    """The weighted mean of several predictions' ranks within each era, (n,) in (0, 1).

    A row that lacks one of the predictions gets none (NaN), because the mean of the others would
    be on another scale.

    Args:
        columns: (n,) each, one or more.
        slices: the eras of the rows.
        weights: one a column; None weighs all alike.
    """
    each = [1.0] * len(columns) if weights is None else weights
    total = np.zeros(slices.rows, dtype=np.float64)
    for values, weight in zip(columns, each, strict=True):
        total += weight * era_ranks(values, slices)
    return np.asarray(total / sum(each), dtype=np.float32)
