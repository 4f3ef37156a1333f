"""Alpha and meta portfolio contribution: predictions as neutral portfolio weights, per era."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError, DataError
from scoring.blocks import MIN_OVERLAP, MIN_ROWS, as_columns, as_vector, era_columns, whole_era
from scoring.corr import powered_ranks
from scoring.eras import EraSlices

_STAKE_SCALE = 50


def alpha(
    predictions: NDArray[Any],
    neutralizers: NDArray[Any],
    weights: NDArray[Any],
    target: NDArray[Any],
    slices: EraSlices,
) -> NDArray[np.float64]:
    """Alpha of each prediction column in each era.

    With s = pow1.5(gauss(rank p)), the neutral weights are w = v (s - N N'(v s)), v the sample
    weights and N the neutralizers, and the score is w . (t - mean t) / n. N is used as it is: it
    should be orthonormal under v squared, as the tournament delivers it. The mean of the target
    is that of all rows of the era that have one.
    Source: `numerai_tools.scoring.alpha`.

    Args:
        predictions: (n,) or (n, M), NaN where a model has no prediction; may be a memory map.
        neutralizers: (n, K).
        weights: (n,) sample weights of the universe.
        target: (n,), NaN where unresolved.
        slices: the eras of the rows.

    Returns:
        (E, M). NaN where the prediction is constant in the era (numerai-tools gives it 0), where
        fewer than 10 rows can be scored, and where a column lacks more than a fifth of the
        resolved rows.

    Raises:
        DataError: shapes that do not fit, or neutralizers or weights that are not finite.
    """
    columns, goal = as_columns(predictions, slices), _centred(target, slices)
    design, sizes = _checked(neutralizers, weights, slices)
    resolved = ~np.isnan(goal)
    scores = np.full((len(slices), columns.shape[1]), np.nan)
    for block in era_columns(columns, resolved, resolved, slices):
        ours = _neutral_weights(block.values, design[block.rows], sizes[block.rows])
        scores[block.era, block.columns] = ours @ goal[block.rows] / len(block.rows)
    return scores


def mpc(
    predictions: NDArray[Any],
    stakes: NDArray[Any],
    neutralizers: NDArray[Any],
    weights: NDArray[Any],
    target: NDArray[Any],
    slices: EraSlices,
) -> NDArray[np.float64]:
    """Meta portfolio contribution of each prediction column in each era.

    The columns' neutral weights (as in `alpha`), centred over the rows, are W; the stakes s, as
    shares, make the portfolio v = W s. The score is the gradient of the portfolio's alpha by
    the stakes: (W - v (v'W) / (v'v))' (t - mean t) / (50 |v|).
    Source: `numerai_tools.scoring.meta_portfolio_contribution`.

    Args:
        predictions: (n, M), NaN where a model has no prediction.
        stakes: (M,), at least 0, NaN for none; they need not sum to 1.
        neutralizers: (n, K).
        weights: (n,) sample weights of the universe.
        target: (n,), NaN where unresolved.
        slices: the eras of the rows.

    Returns:
        (E, M). An era is scored on the rows that every column has; it is NaN where these are
        fewer than 10 or than four fifths of the resolved rows, and where the portfolio is empty.
        A column that is constant in an era is NaN there and adds nothing to the portfolio.

    Raises:
        ConfigError: stakes that are negative or sum to nothing.
        DataError: shapes that do not fit, or neutralizers or weights that are not finite.
    """
    columns, goal = as_columns(predictions, slices), as_vector(target, slices, "target")
    shares = _shares(stakes, columns.shape[1])
    design, sizes = _checked(neutralizers, weights, slices)
    scores = np.full((len(slices), columns.shape[1]), np.nan)
    for era, span in enumerate(slices):
        values = whole_era(columns, span)
        resolved = ~np.isnan(goal[span])
        rows = resolved & ~np.isnan(values).any(axis=0)
        if rows.sum() >= max(MIN_ROWS, MIN_OVERLAP * resolved.sum()):
            ours = _neutral_weights(
                np.ascontiguousarray(values[:, rows]), design[span][rows], sizes[span][rows]
            )
            scores[era] = _gradient(ours, shares, goal[span][rows])
    return scores


def _gradient(
    weights: NDArray[np.float64], shares: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(M,) from the columns' weights (M, n); a NaN column is left out of the portfolio."""
    centred = weights - weights.mean(axis=1, keepdims=True)
    portfolio = shares @ np.nan_to_num(centred)
    portfolio -= portfolio.mean()
    length = portfolio @ portfolio
    if length == 0:
        return np.full(len(weights), np.nan)
    beyond = centred - np.outer(centred @ portfolio / length, portfolio)
    return np.asarray(
        beyond @ (target - target.mean()) / (np.sqrt(length) * _STAKE_SCALE), dtype=np.float64
    )


def _neutral_weights(
    values: NDArray[np.floating[Any]],
    neutralizers: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(M, n) from predictions (M, n); NaN for a constant one."""
    signal = powered_ranks(values)
    signal[np.ptp(values, axis=1) == 0] = np.nan
    return weights * (signal - (weights * signal) @ neutralizers @ neutralizers.T)


def _centred(target: NDArray[Any], slices: EraSlices) -> NDArray[np.float64]:
    goal = as_vector(target, slices, "target").copy()
    for span in slices:
        if not np.isnan(goal[span]).all():
            goal[span] -= np.nanmean(goal[span])
    return goal


def _shares(stakes: NDArray[Any], count: int) -> NDArray[np.float64]:
    amounts = np.nan_to_num(np.asarray(stakes, dtype=np.float64))
    if amounts.shape != (count,) or (amounts < 0).any() or not 0 < amounts.sum() < np.inf:
        raise ConfigError(
            "these stakes make no portfolio",
            received=f"shape {amounts.shape}, smallest {amounts.min(initial=0)}",
            expected=f"({count},) amounts of at least 0 with a positive, finite sum",
        )
    return np.asarray(amounts / amounts.sum(), dtype=np.float64)


def _checked(
    neutralizers: NDArray[Any], weights: NDArray[Any], slices: EraSlices
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    design = np.asarray(neutralizers, dtype=np.float64)
    sizes = np.asarray(weights, dtype=np.float64)
    if design.ndim != 2 or len(design) != slices.rows or sizes.shape != (slices.rows,):
        raise DataError(
            "neutralizers and sample weights do not fit the eras",
            received=f"shapes {design.shape} and {sizes.shape}",
            expected=f"({slices.rows}, columns) and ({slices.rows},)",
        )
    if not (np.isfinite(design).all() and np.isfinite(sizes).all()):
        raise DataError(
            "neutralizers and sample weights are not finite",
            hint="Leave out the rows that are not in the universe",
        )
    return design, sizes
