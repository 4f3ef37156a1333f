"""Simulated per-era scores whose true mean, 0, and autocorrelation are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def overlapping(eras: int, overlap: int, columns: int, seed: int) -> NDArray[np.float64]:
    """Unit-variance scores that share `overlap` eras with their neighbours: (eras, columns)."""
    draws = np.random.default_rng(seed).normal(size=(eras + overlap, columns))
    total = np.cumsum(np.vstack((np.zeros(columns), draws)), axis=0)
    return (total[overlap + 1 :] - total[: -overlap - 1]) / np.sqrt(overlap + 1)


def autoregressive(eras: int, rho: float, columns: int, seed: int) -> NDArray[np.float64]:
    """Unit-variance scores, each `rho` times the one before and new noise: (eras, columns)."""
    draws = np.random.default_rng(seed).normal(size=(eras, columns))
    scores = np.empty_like(draws)
    scores[0] = draws[0]
    for era in range(1, eras):
        scores[era] = rho * scores[era - 1] + np.sqrt(1 - rho**2) * draws[era]
    return scores
