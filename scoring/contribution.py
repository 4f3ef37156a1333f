"""MMC and BMC: what a prediction adds to a reference, per era."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.blocks import as_columns, as_vector, era_columns
from scoring.eras import EraSlices
from scoring.ranks import gaussian_ranks


def mmc(
    predictions: NDArray[Any],
    reference: NDArray[Any],
    target: NDArray[Any],
    slices: EraSlices,
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

    Returns:
        (E, M). NaN where the prediction or the reference is constant in the era (numerai-tools
        gives a constant prediction 0), where fewer than 10 rows can be scored and where more than
        a fifth of the resolved rows lack a value.

    Raises:
        DataError: shapes that do not fit, or infinite values.
    """
    columns = as_columns(predictions, slices)
    goal = as_vector(target, slices, "target")
    base = as_vector(reference, slices, "reference")
    resolved = ~np.isnan(goal)
    scores = np.full((len(slices), columns.shape[1]), np.nan)
    for block in era_columns(columns, resolved & ~np.isnan(base), resolved, slices):
        scores[block.era, block.columns] = _contribution(
            block.values, base[block.rows], goal[block.rows]
        )
    return scores


def _contribution(
    values: NDArray[np.floating[Any]], reference: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    ours = gaussian_ranks(values)
    theirs = gaussian_ranks(reference[None])[0]
    buckets = target * 4 if target.min() >= 0 and target.max() <= 1 else target
    centred = buckets - buckets.mean()
    length = theirs @ theirs if np.ptp(reference) > 0 else np.nan
    shared = (ours @ theirs) * (theirs @ centred) / length
    scores = (ours @ centred - shared) / len(target)
    scores[np.ptp(values, axis=1) == 0] = np.nan
    return np.asarray(scores, dtype=np.float64)
