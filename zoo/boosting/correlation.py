"""The objective of kind `corr`: correlation era by era, as gradients for any library."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.eras import EraSlices

CONSTANT = 1e-12
"""Variance below which a side says nothing."""


class EraCorrelation:
    """Gradients of n (1 - r) for each era, where r is the Pearson correlation of its n rows.

    Correlation does not change with the scale of the predictions p, while steps of trees do. The
    gradient is therefore taken with respect to p in units of its own standard deviation s:

        s d n(1 - r) / dp = r p' - t'

    where p' and t' are standardised within the era. Steps so grow small against predictions that
    grow large. Where p is constant it is -t'; where t is constant it is 0. The second derivative
    is taken as 1.

    Args:
        target: (n,), in which CORR's stretched targets make r the CORR of predictions that are
            normally distributed.
        slices: the eras of the rows.
        weights: (n,) factors of each row's gradient; None for equal ones.
    """

    def __init__(
        self,
        target: NDArray[Any],
        slices: EraSlices,
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        self.slices, self.weights = slices, weights
        self._target = np.empty(len(target))
        for span in slices:
            self._target[span] = _standardised(np.asarray(target[span], dtype=np.float64))

    def __call__(self, predictions: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Gradient and second derivative, each (n,), of predictions (n,)."""
        gradient = np.empty(len(self._target))
        for span in self.slices:
            ours, theirs = _standardised(predictions[span].astype(np.float64)), self._target[span]
            gradient[span] = float((ours * theirs).mean()) * ours - theirs
        second = np.ones(len(gradient)) if self.weights is None else self.weights.astype(np.float64)
        return gradient * second, second


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values less their mean in units of their deviation; 0 where they are constant."""
    centred = values - values.mean()
    variance = float((centred**2).mean())
    if variance < CONSTANT:
        return np.zeros_like(values)
    return np.asarray(centred / np.sqrt(variance), dtype=np.float64)
