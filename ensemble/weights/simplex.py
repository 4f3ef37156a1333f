"""The simplex: weights that are not negative and sum to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Weights = NDArray[np.float64]


def equal_weights(members: int) -> Weights:
    """(M,) each 1 / M."""
    return np.full(members, 1 / members)


def normalised(values: NDArray[Any]) -> Weights:
    """(M,) what is positive of some values over its sum; equal weights where nothing is."""
    positive = np.clip(np.nan_to_num(np.asarray(values, dtype=np.float64)), 0.0, None)
    total = positive.sum()
    return positive / total if total > 0 else equal_weights(len(positive))


def project(values: NDArray[Any]) -> Weights:
    """The nearest point of the simplex to (M,) values.

    Source: Duchi, Shalev-Shwartz, Singer and Chandra, Efficient projections onto the l1-ball for
    learning in high dimensions, ICML 2008.

    >>> project(np.array([0.5, 0.9, -3.0])).round(2).tolist()
    [0.3, 0.7, 0.0]
    """
    ordered = np.sort(values)[::-1]
    excess = np.cumsum(ordered) - 1
    held = np.flatnonzero(ordered > excess / np.arange(1, len(ordered) + 1))[-1]
    clipped = np.maximum(values - excess[held] / (held + 1), 0.0)
    return np.asarray(clipped / clipped.sum(), dtype=np.float64)


def best_direction(gain: NDArray[Any], risk: NDArray[Any]) -> Weights:
    """The weights of the highest g'w / sqrt(w'Rw) among those that are not negative.

    This is the direction of the minimum of w'Rw - 2 g'w over w >= 0, a non-negative least-squares
    problem. Where no gain is positive, equal weights.

    Args:
        gain: (M,).
        risk: (M, M) positive semidefinite; directions without risk, but for rounding, are left
            out.

    Returns:
        (M,).
    """
    if not (gain > 0).any():
        return equal_weights(len(gain))
    values, vectors = np.linalg.eigh(np.asarray(risk, dtype=np.float64))
    kept = values > values.max() * 1e-7
    root = np.sqrt(values[kept])
    solution, _ = nnls((vectors[:, kept] * root).T, vectors[:, kept].T @ gain / root)
    return normalised(solution)
