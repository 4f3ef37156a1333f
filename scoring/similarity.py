"""How alike candidates are to one another, and to themselves an era before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import DataError
from scoring.blocks import MIN_OVERLAP, MIN_ROWS, as_columns, same_rows, whole_era
from scoring.eras import EraSlices
from scoring.ranks import double_ranks, end_count, pearson_rows, sorted_ranks
from scoring.series import divide

Columns = NDArray[np.floating[Any]]


def rank_correlation(predictions: NDArray[Any], slices: EraSlices) -> NDArray[np.float64]:
    """Mean per-era correlation of ranks between prediction columns.

    Ranks are taken among the rows that a column has, and correlated over those that both of a pair
    have: Spearman's correlation where no row lacks, and never dependent on a third column. In an
    era take part the columns that have at least four fifths of its rows.

    Args:
        predictions: (n, M), NaN where a model has no prediction; may be a memory map.
        slices: the eras of the rows.

    Returns:
        (M, M), NaN for a pair that shares no era with 10 rows in which neither is constant.
    """
    columns = as_columns(predictions, slices)
    total = np.zeros((columns.shape[1],) * 2)
    eras = np.zeros_like(total)
    for span in slices:
        era = whole_era(columns, span)
        kept = np.flatnonzero((~np.isnan(era)).mean(axis=1) >= MIN_OVERLAP)
        alike = _alike(era[kept])
        total[np.ix_(kept, kept)] += np.nan_to_num(alike)
        eras[np.ix_(kept, kept)] += ~np.isnan(alike)
    return divide(total, eras)


def _alike(values: Columns) -> NDArray[np.float64]:
    """Correlation of the ranks of each pair of columns, (M, M) from (M, r)."""
    present = ~np.isnan(values)
    ranks, has = np.zeros(values.shape), present.astype(np.float64)
    for rows, members in same_rows(present):
        held = double_ranks(np.ascontiguousarray(values[members][:, rows]))
        ranks[np.ix_(members, rows)] = held - (rows.sum() - 1)
    # Centred double ranks are whole numbers: the sums are exact, those of a constant column 0.
    common, sums, squares = has @ has.T, ranks @ has.T, ranks**2 @ has.T
    shares = divide(sums, common)
    spread = squares - sums * shares
    spread[common < MIN_ROWS] = 0
    products = ranks @ ranks.T - shares * sums.T
    return np.clip(divide(products, np.sqrt(spread * spread.T)), -1, 1)


def churn(
    predictions: NDArray[Any],
    ids: NDArray[Any],
    slices: EraSlices,
    *,
    top_bottom: int | None = None,
) -> NDArray[np.float64]:
    """How much each prediction column changes from the era before: 0 not at all, 1 unrelated.

    1 - Spearman correlation between the predictions of the two eras, over the ids that have one
    in both. It needs ids that return, such as assets; those of Numerai Classic never do.
    Source: `numerai_tools.signals.churn`.

    Args:
        predictions: (n,) or (n, M), NaN where a model has no prediction; may be a memory map.
        ids: (n,) what the rows are of, each at most once in an era.
        slices: the eras of the rows; the era before is the one before in these.
        top_bottom: instead, the share of the so many highest and as many lowest predictions
            that are of other ids than in the era before. Equal ones at the edge are taken in row
            order.

    Returns:
        (E, M). NaN in the first era, where a prediction is constant over the common ids, and
        where these are fewer than 10 or fewer than four fifths of the rows of either era. With
        `top_bottom`: in the first era, where either era has fewer than twice as many
        predictions, and where no id returns at all.

    Raises:
        ConfigError: a `top_bottom` below 1.
        DataError: shapes that do not fit, or an id twice in one era.
    """
    columns, count = as_columns(predictions, slices), end_count(top_bottom)
    if np.shape(ids) != (slices.rows,):
        raise DataError(
            "the ids do not fit the eras",
            received=f"shape {np.shape(ids)}",
            expected=f"({slices.rows},)",
        )
    result = np.full((len(slices), columns.shape[1]), np.nan)
    before: tuple[Columns, dict[Any, int]] | None = None
    for era, span in enumerate(slices):
        places = _places(ids[span], slices.labels[era])
        now = whole_era(columns, span)
        if before is not None:
            kept = [(before[1][i], place) for i, place in places.items() if i in before[1]]
            if kept:
                pairs = np.array(kept).T
                result[era] = (
                    _replaced(before[0], now, pairs, count)
                    if count
                    else _changed(before[0], now, pairs)
                )
        before = now, places
    return result


def _places(ids: NDArray[Any], era: str) -> dict[Any, int]:
    places = {name: place for place, name in enumerate(ids.tolist())}
    if len(places) < len(ids):
        raise DataError(f"era {era} has an id twice", expected="one row an id in each era")
    return places


def _changed(before: Columns, now: Columns, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 - rank correlation over the pairs of places, (M,)."""
    old, new = before[:, pairs[0]], now[:, pairs[1]]
    result = np.full(len(now), np.nan)
    for kept, members in same_rows(~(np.isnan(old) | np.isnan(new))):
        rows = int(kept.sum())
        if rows >= MIN_ROWS and rows >= MIN_OVERLAP * max(before.shape[1], now.shape[1]):
            ranks = [
                double_ranks(np.ascontiguousarray(side[members][:, kept])).astype(np.float64)
                for side in (old, new)
            ]
            result[members] = 1 - pearson_rows(*ranks)
    return result


def _replaced(
    before: Columns, now: Columns, pairs: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """The share of other ids among the highest and lowest, (M,)."""
    came_from = np.full(now.shape[1], -1)
    came_from[pairs[1]] = pairs[0]
    result = np.full(len(now), np.nan)
    for j, (old, new) in enumerate(zip(before, now, strict=True)):
        if min((~np.isnan(old)).sum(), (~np.isnan(new)).sum()) >= 2 * count:
            then, since = _ends(old, count), _ends(new, count)
            stayed = [np.isin(came_from[s], t).sum() for s, t in zip(since, then, strict=True)]
            result[j] = 1 - sum(stayed) / (2 * count)
    return result


def _ends(values: Columns, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of the highest and of the lowest predictions."""
    present = np.flatnonzero(~np.isnan(values))
    order = present[sorted_ranks(values[None, present])[0][0]]
    return order[-count:], order[:count]
