"""By how much configurations beat the benchmark, era by era."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.corr import numerai_corr
from scoring.series import Figures, as_table, divide, mean, std
from search.predictions import PredictionFile, stretches
from search.scores import Mined


def gains(corr: NDArray[Any], benchmark: NDArray[Any], objective: str) -> Figures:
    """What each configuration adds to the benchmark, over the eras that both have.

    Args:
        corr: (E, M) CORR of configurations.
        benchmark: (E,) that of the benchmark.
        objective: `corr` or `sharpe`.

    Returns:
        (E, M), whose mean over eras is the difference of the objective.
    """
    ours, theirs = np.broadcast_arrays(as_table(corr), np.asarray(benchmark)[:, None])
    apart = np.isnan(ours) | np.isnan(theirs)
    ours, theirs = np.where(apart, np.nan, ours), np.where(apart, np.nan, theirs)
    if objective == "corr":
        return np.asarray(ours - theirs)
    return sharpe_points(ours) - sharpe_points(theirs)


def sharpe_points(scores: NDArray[Any]) -> Figures:
    """A series (E, M) whose mean is the Sharpe ratio S, and whose error is that of S.

    S + z - S / 2 (z^2 - 1) with the standardised scores z: the Sharpe ratio to first order in
    mean and standard deviation (the delta method: Ledoit and Wolf, Robust performance hypothesis
    testing with the Sharpe ratio, Journal of Empirical Finance 15, 2008).

    Args:
        scores: (E,) or (E, M), NaN where an era has no score.
    """
    table = as_table(scores)
    spread = np.broadcast_to(std(table), table.shape)
    standard = divide(table - mean(table), spread)
    ratio = divide(mean(table), std(table))
    return np.asarray(ratio + standard - ratio / 2 * (standard**2 - 1))


def validation_corr(mined: Mined, slots: Sequence[int]) -> Figures:
    """CORR (E, len(slots)) in each validation era. Memory: 256 MB of predictions."""
    rows, validation = mined.rows, mined.rows.arrays["validation"]
    (places, slices), codes = rows.validation, rows.segments[1]
    file, target = PredictionFile(mined.folder.predictions, len(rows)), rows.target[places]
    known = codes[validation[codes]]
    found = [
        rows.by_era(numerai_corr(file.read(chunk, places), target, slices), known)[validation]
        for chunk in stretches(slots, len(places))
    ]
    return np.concatenate(found, axis=1) if found else np.empty((int(validation.sum()), 0))
