"""CORR, the tournament's correlation, and the plain Pearson correlation, per era."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.blocks import as_columns, as_vector, era_columns
from scoring.eras import EraSlices
from scoring.ranks import double_ranks, gaussian_table

Transform = Callable[[NDArray[np.floating[Any]]], NDArray[np.float64]]


def numerai_corr(
    predictions: NDArray[Any], target: NDArray[Any], slices: EraSlices
) -> NDArray[np.float64]:
    """CORR of each prediction column in each era.

    Pearson correlation of pow1.5(gauss(rank p)) with pow1.5(t - mean t), where
    pow1.5(x) = sign(x) |x|^1.5 and ranks keep ties. The mean is taken over all rows of the era
    that have a target. Everything is computed in double precision.
    Source: `numerai_tools.scoring.numerai_corr`.

    Args:
        predictions: (n,) or (n, M), NaN where a model has no prediction.
        target: (n,), NaN where unresolved.
        slices: the eras of the rows.

    Returns:
        (E, M). NaN where the prediction or the target is constant in the era, where fewer than
        10 rows can be scored, and where a column lacks more than a fifth of the resolved rows.

    Raises:
        DataError: shapes that do not fit, or an infinite target.
    """
    vector = as_vector(target, slices, "target")
    return _correlate(predictions, vector, _powered_target(vector, slices), slices, _powered_ranks)


def pearson(
    predictions: NDArray[Any], target: NDArray[Any], slices: EraSlices
) -> NDArray[np.float64]:
    """Pearson correlation of the raw predictions with the target; the rest as `numerai_corr`."""
    vector = as_vector(target, slices, "target")
    return _correlate(predictions, vector, vector, slices, _as_they_are)


def pearson_rows(values: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson correlation of each row with one target.

    Args:
        values: (M, n) without NaN.
        target: (n,) without NaN.

    Returns:
        (M,), NaN where either side is constant.
    """
    centred = values - values.mean(axis=1, keepdims=True)
    other = target - target.mean()
    norms = np.sqrt(np.einsum("ij,ij->i", centred, centred) * (other @ other))
    norms[(np.ptp(values, axis=1) == 0) | (np.ptp(target) == 0)] = np.nan
    return np.asarray(centred @ other / norms, dtype=np.float64)


def power(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """sign(x) |x|^1.5, which stretches the tails."""
    return np.asarray(np.sign(values) * np.abs(values) ** 1.5, dtype=np.float64)


def _correlate(
    predictions: NDArray[Any],
    target: NDArray[np.float64],
    transformed: NDArray[np.float64],
    slices: EraSlices,
    transform: Transform,
) -> NDArray[np.float64]:
    columns = as_columns(predictions, slices)
    resolved = ~np.isnan(target)
    scores = np.full((len(slices), columns.shape[1]), np.nan)
    for block in era_columns(columns, resolved, resolved, slices):
        scores[block.era, block.columns] = pearson_rows(
            transform(block.values), transformed[block.rows]
        )
    return scores


def _powered_target(target: NDArray[np.float64], slices: EraSlices) -> NDArray[np.float64]:
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


def _powered_ranks(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return np.take(_powered_table(values.shape[1]), double_ranks(values))


def _as_they_are(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return values.astype(np.float64)


@lru_cache(maxsize=128)
def _powered_table(rows: int) -> NDArray[np.float64]:
    return power(gaussian_table(rows))
