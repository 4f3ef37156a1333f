"""Block-bootstrap intervals of the mean of autocorrelated scores."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError
from scoring.series import Figures, as_table

RESAMPLES = 1000
LEAST_BLOCKS = 3
"""Fewer blocks than this say next to nothing about how the mean varies."""


def mean_interval(
    scores: NDArray[Any],
    overlap: int = 0,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Figures, Figures]:
    """A symmetric confidence interval of each column's mean.

    Circular blocks of `block_length` eras are drawn (Politis and Romano, 1992). The plain
    percentiles of the resampled means cover far too seldom on short autocorrelated series (7 in 10
    instead of 95 in 100 at 50 eras with an overlap of 12), so the bootstrapped figure is
    t* = (mean* - mean) / error*: the Newey-West error over two blocks, computed alike on the
    scores and on each resample, which carries its bias over to the quantile (Goncalves and
    Vogelsang, Econometric Theory 27, 2011). The interval is mean -+ error * the level's quantile
    of |t*|. From 50 eras on, with an overlap up to 12, a 95 % interval covers 91 to 95 %.

    Eras without a score are left out and the gap is closed.

    Args:
        scores: (E,) or (E, M), consecutive eras, NaN where an era has no score.
        overlap: eras that a label reaches past its own.
        level: the share of such intervals that hold the true mean.
        resamples: 0 gives NaN.
        seed: of the resamples; the same for all columns.

    Returns:
        Lower and upper ends, (M,) each; NaN with fewer eras than three blocks, and where the
        scores do not vary.

    Raises:
        ConfigError: a level outside (0, 1), negative resamples.
    """
    if not 0 < level < 1 or resamples < 0:
        raise ConfigError(
            "the bootstrap cannot be made",
            received=f"level {level}, {resamples} resamples",
            expected="a level between 0 and 1, and no negative number of resamples",
        )
    table = as_table(scores)
    ends = np.full((2, table.shape[1]), np.nan)
    for j in range(table.shape[1] if resamples else 0):
        column = table[:, j]
        column = column[~np.isnan(column)]
        block = block_length(len(column), overlap)
        if len(column) >= LEAST_BLOCKS * block and np.ptp(column) > 0:
            order = _resamples(len(column), block, resamples, seed)
            half = _half_width(column, order, 2 * block, level)
            if np.isfinite(half):
                ends[:, j] = column.mean() - half, column.mean() + half
    return ends[0], ends[1]


def block_length(eras: int, overlap: int = 0) -> int:
    """Eras of one block: max(overlap + 1, eras^(1/3)).

    Labels `overlap` eras apart share no return, so a block spans the dependence that they cause;
    eras^(1/3) grows at the best rate for dependence of unknown reach (Hall, Horowitz and Jing,
    Biometrika 82, 1995).

    >>> block_length(200), block_length(200, overlap=12)
    (6, 13)
    """
    return max(overlap + 1, round(math.cbrt(eras)), 1)


@lru_cache(maxsize=4)
def _resamples(eras: int, block: int, resamples: int, seed: int) -> NDArray[np.int32]:
    """Positions of the resampled eras, (resamples, eras)."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, eras, size=(resamples, -(-eras // block)))
    order = (starts[:, :, None] + np.arange(block)).reshape(resamples, -1)[:, :eras] % eras
    order = order.astype(np.int32)
    order.setflags(write=False)
    return order


def _half_width(
    column: NDArray[np.float64], order: NDArray[np.int32], window: int, level: float
) -> float:
    centred = (column - column.mean()) / column.std()
    drawn = centred[order]
    shift = drawn.mean(axis=1)
    error = _errors(drawn - shift[:, None], window)
    deviation = np.divide(np.abs(shift), error, out=np.full(len(shift), np.inf), where=error > 0)
    quantile = np.quantile(deviation, level, method="higher")
    return float(quantile * _errors(centred[None], window)[0] * column.std())


def _errors(centred: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Newey-West errors of the mean of each row, lags below `window`.

    Bartlett weights are what summing over every window, those that reach past the ends
    included, gives: sum_k (1 - |k| / w) gamma_k = sum of squared window sums / w.
    """
    rows, eras = centred.shape
    sums = np.zeros((rows, eras + 2 * window - 1))
    np.cumsum(centred, axis=1, out=sums[:, window : window + eras])
    sums[:, window + eras :] = sums[:, window + eras - 1 : window + eras]
    windows = sums[:, window:] - sums[:, :-window]
    squares = np.einsum("ij,ij->i", windows, windows)
    return np.asarray(np.sqrt(squares / window) / eras, dtype=np.float64)
