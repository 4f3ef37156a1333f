"""How alike candidates are: the mean over eras of their rank correlation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.blocks import MIN_OVERLAP, MIN_ROWS, as_columns
from scoring.eras import EraSlices
from scoring.ranks import double_ranks


def rank_correlation(predictions: NDArray[Any], slices: EraSlices) -> NDArray[np.float64]:
    """Mean per-era Spearman correlation between prediction columns.

    In an era take part the columns that have at least four fifths of its rows and are not
    constant, on the rows that all of these have.

    Args:
        predictions: (n, M), NaN where a model has no prediction.
        slices: the eras of the rows.

    Returns:
        (M, M), NaN for a pair that shares no era.
    """
    columns = as_columns(predictions, slices)
    total = np.zeros((columns.shape[1],) * 2)
    eras = np.zeros_like(total)
    for span in slices:
        present = ~np.isnan(columns[span])
        kept = np.flatnonzero(present.mean(axis=0) >= MIN_OVERLAP)
        rows = present[:, kept].all(axis=1)
        values = np.ascontiguousarray(columns[span][rows][:, kept].T)
        if values.shape[1] < MIN_ROWS or not len(kept):
            continue
        varied = np.ptp(values, axis=1) > 0
        if not varied.any():
            continue
        pairs = np.ix_(kept[varied], kept[varied])
        total[pairs] += np.corrcoef(double_ranks(values[varied])).reshape(varied.sum(), -1)
        eras[pairs] += 1
    result = np.full_like(total, np.nan)
    np.divide(total, eras, out=result, where=eras > 0)
    return result
