"""How far predictions on the target's own scale are off, by era and over all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.blocks import as_columns, as_vector
from scoring.eras import EraSlices
from scoring.series import divide


@dataclass(frozen=True)
class RegressionErrors:
    """Errors of M columns; NaN where no row has both a prediction and a target.

    Args:
        rmse: (E, M) root mean squared error in each era.
        mae: (E, M) mean absolute error in each era.
        overall_rmse: (M,) over all rows, each counting once.
        overall_mae: (M,) over all rows, each counting once.
        rows: (M,) rows that have both.
    """

    rmse: NDArray[np.float64]
    mae: NDArray[np.float64]
    overall_rmse: NDArray[np.float64]
    overall_mae: NDArray[np.float64]
    rows: NDArray[np.int64]


def regression_errors(
    predictions: NDArray[Any], target: NDArray[Any], slices: EraSlices
) -> RegressionErrors:
    """Squared and absolute errors, in double precision, of raw predictions.

    Args:
        predictions: (n,) or (n, M), NaN where a model has no prediction; may be a memory map.
        target: (n,), NaN where unresolved.
        slices: the eras of the rows.

    Raises:
        DataError: shapes that do not fit, or an infinite target.
    """
    columns = as_columns(predictions, slices)
    goal = as_vector(target, slices, "target")
    squares, sums = np.zeros((2, len(slices), columns.shape[1]))
    rows = np.zeros(sums.shape, dtype=np.int64)
    for era, span in enumerate(slices):
        off = columns[span] - goal[span, None]
        squares[era] = np.nansum(off**2, axis=0)
        sums[era] = np.nansum(np.abs(off), axis=0)
        rows[era] = (~np.isnan(off)).sum(axis=0)
    everything = rows.sum(axis=0)
    return RegressionErrors(
        rmse=np.sqrt(divide(squares, rows)),
        mae=divide(sums, rows),
        overall_rmse=np.sqrt(divide(squares.sum(axis=0), everything)),
        overall_mae=divide(sums.sum(axis=0), everything),
        rows=everything,
    )
