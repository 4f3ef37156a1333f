"""Neutralisation and FNC: what predictions are worth beyond what is linear in other columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError, DataError
from scoring.blocks import MIN_ROWS, as_columns, as_vector, same_rows
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from scoring.factor import EraFactor
from scoring.ranks import gaussian_ranks

_ROUNDING = 1e-9


def neutralize(
    predictions: NDArray[Any],
    neutralizers: NDArray[Any],
    slices: EraSlices,
    proportion: float = 1.0,
) -> NDArray[np.float64]:
    """Subtract from each column its least-squares fit on the neutralizers and 1, era by era.

    Source: `numerai_tools.scoring.neutralize`. The predictions are taken as they are: rank or
    gaussianise them first where that is wanted.

    Args:
        predictions: (n,) or (n, M).
        neutralizers: (n,) or (n, K), for example the features of the rows.
        slices: the eras of the rows.
        proportion: the share of the fit that is subtracted, 0 to 1.

    Returns:
        The shape of `predictions`; NaN in an era where a column is constant.

    Raises:
        ConfigError: a proportion outside 0 to 1.
        DataError: shapes that do not fit, or values that are not finite.
    """
    if not 0 <= proportion <= 1:
        raise ConfigError(
            "the proportion of a neutralisation is out of range",
            received=proportion,
            expected="0 to 1",
        )
    columns = as_columns(predictions, slices)
    exposures = _matrix(neutralizers, slices)
    result = np.empty(columns.shape)
    for label, span in zip(slices.labels, slices, strict=True):
        block = columns[span].astype(np.float64)
        if not (np.isfinite(block).all() and np.isfinite(exposures[span]).all()):
            raise DataError(
                f"era {label} cannot be neutralised",
                received="a missing or infinite value",
                expected="finite predictions and neutralizers",
            )
        result[span] = EraFactor(exposures[span]).residual(block, proportion)
        result[span, np.ptp(block, axis=0) == 0] = np.nan
    return result.reshape(np.shape(predictions))


def fnc(
    predictions: NDArray[Any],
    features: NDArray[Any],
    target: NDArray[Any],
    slices: EraSlices,
    *,
    top_bottom: int | None = None,
) -> NDArray[np.float64]:
    """Feature-neutral correlation of each prediction column in each era.

    gauss(rank p) without its least-squares fit on the features and 1, scored by `numerai_corr`.
    With the features of the set `fncv3_features` this is FNCv3. An era is neutralised on all rows
    that have a prediction, those without a target too.
    Source: `numerai_tools.scoring.feature_neutral_corr`.

    `scoring.features.FeatureScores` gives the same for features that are read era by era.

    Args:
        predictions: (n,) or (n, M), NaN where a model has no prediction.
        features: (n, K) whole numbers or floats; a missing value (NaN) counts as the feature's
            mean in the era.
        target: (n,), NaN where unresolved.
        slices: the eras of the rows.
        top_bottom: as in `numerai_corr`.

    Returns:
        (E, M). NaN as in `numerai_corr`, and where the features leave nothing of a prediction.

    Raises:
        ConfigError: a `top_bottom` below 1.
        DataError: shapes that do not fit, infinite features, or an infinite target.
    """
    columns, matrix = as_columns(predictions, slices), _matrix(features, slices)
    goal = as_vector(target, slices, "target")
    scores = [
        era_fnc(EraFactor(matrix[span]), columns[span], goal[span], top_bottom=top_bottom)
        for span in slices
    ]
    return np.array(scores)


def era_fnc(
    factor: EraFactor,
    predictions: NDArray[np.floating[Any]],
    target: NDArray[np.float64],
    *,
    top_bottom: int | None = None,
) -> NDArray[np.float64]:
    """`fnc` in one era, by its factorised features.

    Columns that lack rows are neutralised by a factor of the rows that they have.

    Args:
        factor: the n rows' features.
        predictions: (n, M), NaN where a model has no prediction.
        target: (n,), NaN where unresolved.
        top_bottom: as in `numerai_corr`.

    Returns:
        (M,).
    """
    neutral = np.full(predictions.shape, np.nan)
    for kept, members in same_rows(~np.isnan(predictions.T)):
        if kept.sum() >= MIN_ROWS:
            part = factor if kept.all() else factor.take(kept)
            normal = gaussian_ranks(np.ascontiguousarray(predictions.T[members][:, kept])).T
            neutral[np.ix_(kept, members)] = _beyond(part, normal)
    era = EraSlices(("era",), np.array([0, len(target)]))
    (scores,) = numerai_corr(neutral, target, era, top_bottom=top_bottom)
    return np.asarray(scores)


def _beyond(factor: EraFactor, normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the features leave of each column; NaN where that is but rounding."""
    left = factor.residual(normal)
    left[:, np.ptp(left, axis=0) <= _ROUNDING * np.ptp(normal, axis=0)] = np.nan
    return left


def _matrix(values: NDArray[Any], slices: EraSlices) -> NDArray[Any]:
    matrix = np.asarray(values)
    if matrix.ndim not in (1, 2) or len(matrix) != slices.rows:
        raise DataError(
            "neutralizers do not fit the predictions",
            received=f"shape {matrix.shape}",
            expected=f"({slices.rows}, columns)",
        )
    return matrix[:, None] if matrix.ndim == 1 else matrix
