"""Neutralisation: take out of predictions what is linear in other columns, per era."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError, DataError
from scoring.blocks import as_columns
from scoring.eras import EraSlices

_SMALLEST_SINGULAR_VALUE = 1e-6


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
    exposures = np.asarray(neutralizers)
    if len(exposures) != len(columns) or exposures.ndim not in (1, 2):
        raise DataError(
            "neutralizers do not fit the predictions",
            received=f"shape {exposures.shape}",
            expected=f"({len(columns)}, columns)",
        )
    result = np.empty(columns.shape)
    for label, span in zip(slices.labels, slices, strict=True):
        block = columns[span].astype(np.float64)
        design = np.column_stack((exposures[span].astype(np.float64), np.ones(len(block))))
        if not (np.isfinite(block).all() and np.isfinite(design).all()):
            raise DataError(
                f"era {label} cannot be neutralised",
                received="a missing or infinite value",
                expected="finite predictions and neutralizers",
            )
        result[span] = _residual(block, design, proportion)
    return result.reshape(np.shape(predictions))


def _residual(
    block: NDArray[np.float64], design: NDArray[np.float64], proportion: float
) -> NDArray[np.float64]:
    weights = np.linalg.lstsq(design, block, rcond=_SMALLEST_SINGULAR_VALUE)[0]
    residual = block - proportion * (design @ weights)
    residual[:, np.ptp(block, axis=0) == 0] = np.nan
    return np.asarray(residual, dtype=np.float64)
