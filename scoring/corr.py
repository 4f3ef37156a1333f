"""Correlations of predictions with a target, per era: CORR, Spearman, Pearson and CWMM."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.blocks import as_columns, as_vector, era_columns
from scoring.eras import EraSlices
from scoring.ranks import (
    double_ranks,
    end_count,
    ends,
    gather,
    gaussian_table,
    pearson_rows,
    sorted_ranks,
)

Values = NDArray[np.floating[Any]]
View = Callable[[Values, int], tuple[NDArray[np.float64], NDArray[np.int64]]]
Goal = Callable[[NDArray[np.int64]], NDArray[np.float64]]


def numerai_corr(
    predictions: NDArray[Any],
    target: NDArray[Any],
    slices: EraSlices,
    *,
    top_bottom: int | None = None,
) -> NDArray[np.float64]:
    """CORR of each prediction column in each era.

    Pearson correlation of pow1.5(gauss(rank p)) with pow1.5(t - mean t), where
    pow1.5(x) = sign(x) |x|^1.5 and ranks keep ties. The mean is taken over all rows of the era
    that have a target. Everything is computed in double precision.
    Source: `numerai_tools.scoring.numerai_corr`.

    Args:
        predictions: (n,) or (n, M), NaN where a model has no prediction; may be a memory map.
        target: (n,), NaN where unresolved.
        slices: the eras of the rows.
        top_bottom: correlate, after the transformations, only the so many highest and as many
            lowest predictions of an era. Equal ones at the edge are taken in row order.

    Returns:
        (E, M). NaN where the prediction or the target is constant in the era, where fewer than
        10 rows (or twice `top_bottom`) can be scored, and where a column lacks more than a fifth
        of the resolved rows.

    Raises:
        ConfigError: a `top_bottom` below 1.
        DataError: shapes that do not fit, or an infinite target.
    """
    vector = as_vector(target, slices, "target")
    powered = powered_target(vector, slices)
    return _correlate(predictions, vector, slices, _powered, powered.take, top_bottom)


def mean_corr(predictions: NDArray[Any], target: NDArray[Any], slices: EraSlices) -> float:
    """The mean CORR of one prediction column (n,) over the eras in which it exists, else NaN."""
    scores = numerai_corr(predictions, target, slices)[:, 0]
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if len(known) else float("nan")


def pearson(
    predictions: NDArray[Any],
    target: NDArray[Any],
    slices: EraSlices,
    *,
    top_bottom: int | None = None,
) -> NDArray[np.float64]:
    """Pearson correlation of the raw predictions with the target; the rest as `numerai_corr`.

    An infinite prediction leaves its era without a score.

    Source: `numerai_tools.scoring.pearson_correlation`.
    """
    vector = as_vector(target, slices, "target")
    return _correlate(predictions, vector, slices, _raw, vector.take, top_bottom)


def spearman(
    predictions: NDArray[Any], target: NDArray[Any], slices: EraSlices
) -> NDArray[np.float64]:
    """Correlation of tie-kept ranks, of the target among the scored rows; the rest as CORR.

    Source: `numerai_tools.scoring.spearman_correlation`.
    """
    vector = as_vector(target, slices, "target")

    def ranked(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(double_ranks(vector[None, rows])[0], dtype=np.float64)

    return _correlate(predictions, vector, slices, _ranks, ranked)


def cwmm(
    predictions: NDArray[Any], meta_model: NDArray[Any], slices: EraSlices
) -> NDArray[np.float64]:
    """Correlation with the meta model: pow1.5(gauss(rank p)) against the meta model as it is.

    No target is needed: rows count that have a meta model's prediction. The rest as
    `numerai_corr`. Source: `numerai_tools.scoring.pearson_correlation` of
    `tie_kept_rank__gaussianize__pow_1_5`.
    """
    vector = as_vector(meta_model, slices, "meta model")
    return _correlate(predictions, vector, slices, _powered, vector.take)


def power(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """sign(x) |x|^1.5, which stretches the tails."""
    return np.asarray(np.sign(values) * np.abs(values) ** 1.5, dtype=np.float64)


def powered_ranks(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """pow1.5(gauss(rank)) of each row, (M, n) from (M, n) without NaN."""
    return np.take(_powered_table(values.shape[1]), double_ranks(values))


def _correlate(
    predictions: NDArray[Any],
    target: NDArray[np.float64],
    slices: EraSlices,
    view: View,
    goal: Goal,
    top_bottom: int | None = None,
) -> NDArray[np.float64]:
    """Correlate a view of each column with `goal(rows)`.

    A view gives values and the positions where they stand. Sorted columns are never put back
    into row order: the target is brought into theirs.
    """
    columns = as_columns(predictions, slices)
    count = end_count(top_bottom)
    resolved = ~np.isnan(target)
    scores = np.full((len(slices), columns.shape[1]), np.nan)
    for block in era_columns(columns, resolved, resolved, slices, least=2 * count):
        ours, order = view(block.values, count)
        scores[block.era, block.columns] = pearson_rows(ours, goal(block.rows).take(order))
    return scores


def _ranks(values: Values, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    order, ranks = sorted_ranks(values)
    return ends(ranks, count).astype(np.float64), ends(order, count)


def _powered(values: Values, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    order, ranks = sorted_ranks(values)
    return _powered_table(values.shape[1]).take(ends(ranks, count)), ends(order, count)


def _raw(values: Values, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    order = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    if count:
        order = ends(sorted_ranks(values)[0], count)
    ours = gather(values, order).astype(np.float64)
    ours[~np.isfinite(ours).all(axis=1)] = np.nan
    return ours, order


def powered_target(target: NDArray[np.float64], slices: EraSlices) -> NDArray[np.float64]:
    """pow1.5(t - mean t) of each era's targets (n,), as CORR takes them; NaN stays NaN."""
    powered = np.full(len(target), np.nan)
    for span in slices:
        values = target[span]
        present = values[~np.isnan(values)]
        # A constant target stays constant, where subtracting its mean could leave rounding.
        if len(present) and np.ptp(present) > 0:
            powered[span] = power(values - present.mean())
        else:
            powered[span] = np.where(np.isnan(values), np.nan, 0.0)
    return powered


@lru_cache(maxsize=128)
def _powered_table(rows: int) -> NDArray[np.float64]:
    return power(gaussian_table(rows))
