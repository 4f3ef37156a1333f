"""MMC and BMC: what a prediction adds to a reference, per era."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.blocks import as_columns, as_vector, era_columns
from scoring.eras import EraSlices
from scoring.ranks import (
    end_count,
    ends,
    gather,
    gaussian_ranks,
    gaussian_table,
    sorted_ranks,
)


def mmc(
    predictions: NDArray[Any],
    reference: NDArray[Any],
    target: NDArray[Any],
    slices: EraSlices,
    *,
    top_bottom: int | None = None,
) -> NDArray[np.float64]:
    """Contribution of each prediction column beyond the reference, in each era.

    With the meta model as reference this is MMC, with a benchmark model BMC. Prediction p and
    reference m become normal quantiles of their tie-kept ranks; the score is t . (p - m (m.p) /
    (m.m)) / n, with the target t taken times 4 where it lies in [0, 1] and then centred.
    Source: `numerai_tools.scoring.correlation_contribution`.

    An era is scored on the rows that have prediction, reference and target, ranked and centred
    among themselves, where these are at least four fifths of the era's resolved rows.

    Args:
        predictions: (n,) or (n, M), NaN where a model has no prediction.
        reference: (n,), NaN where the reference has no prediction.
        target: (n,), NaN where unresolved.
        slices: the eras of the rows.
        top_bottom: sum only over the so many highest and as many lowest values of what is left
            of a prediction in an era, and divide by their number.

    Returns:
        (E, M). NaN where the prediction or the reference is constant in the era (numerai-tools
        gives a constant prediction 0), where fewer than 10 rows (or twice `top_bottom`) can be
        scored and where more than a fifth of the resolved rows lack a value.

    Raises:
        ConfigError: a `top_bottom` below 1.
        DataError: shapes that do not fit, or infinite values.
    """
    columns = as_columns(predictions, slices)
    goal = as_vector(target, slices, "target")
    base = as_vector(reference, slices, "reference")
    resolved = ~np.isnan(goal)
    usable, count = resolved & ~np.isnan(base), end_count(top_bottom)
    scores = np.full((len(slices), columns.shape[1]), np.nan)
    for block in era_columns(columns, usable, resolved, slices, least=2 * count):
        scores[block.era, block.columns] = _contribution(
            block.values, base[block.rows], goal[block.rows], count
        )
    return scores


def _contribution(
    values: NDArray[np.floating[Any]],
    reference: NDArray[np.float64],
    target: NDArray[np.float64],
    count: int,
) -> NDArray[np.float64]:
    theirs = gaussian_ranks(reference[None])[0]
    buckets = target * 4 if target.min() >= 0 and target.max() <= 1 else target
    centred = buckets - buckets.mean()
    length = theirs @ theirs if np.ptp(reference) > 0 else np.nan
    order, ranks = sorted_ranks(values)
    ours = gaussian_table(values.shape[1]).take(ranks)
    shared = np.einsum("ij,ij->i", ours, theirs.take(order)) / length
    if count:
        scores = _at_ends(gaussian_ranks(values) - np.outer(shared, theirs), centred, count)
    else:
        products = np.einsum("ij,ij->i", ours, centred.take(order))
        scores = (products - shared * (theirs @ centred)) / len(target)
    scores[ranks[:, 0] == ranks[:, -1]] = np.nan
    return np.asarray(scores, dtype=np.float64)


def _at_ends(
    remainders: NDArray[np.float64], target: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    order = ends(np.argsort(remainders, axis=1, kind="stable"), count)
    products = np.einsum("ij,ij->i", gather(remainders, order), target.take(order))
    return np.asarray(products / (2 * count), dtype=np.float64)
