"""Sums of products, all that squared errors need to know of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etl.shards import ShardSet
from zoo.estimator import Fit, nothing_to_learn

Floats = NDArray[np.float64]
CONSTANT = 1e-12
"""Variance in parts of the mean square below which a feature has none but rounding errors."""
Rows = tuple[NDArray[np.generic], Floats, Floats | None]


def learned_rows(data: ShardSet, fit: Fit) -> Iterator[Rows]:
    """The rows that a fit learns from, era by era in chronological order.

    Yields:
        Raw features (n, F), the target (n,) and training weights (n,), None where all are 1.

    Raises:
        TrainingError: no row has a resolved target.
    """
    column, found = data.target_index(fit.target), False
    for block in data.blocks(fit.eras, training=True):
        known = np.isfinite(block.targets[:, column])
        if not known.any():
            continue
        found = True
        target = block.targets[known, column].astype(np.float64)
        weights = None if block.weights is None else block.weights[known].astype(np.float64)
        yield block.features[known], target, weights
    if not found:
        raise nothing_to_learn(fit.target)


@dataclass(frozen=True)
class Condensed:
    """A few rows without intercept whose squared errors are those of all rows.

    For any weights w, the sum of squares of `target - features @ w` is that of the rows that were
    summed up, each about its mean: a solver of penalised squared errors finds the same weights.

    Args:
        features: (F + 1, F).
        target: (F + 1,).
        weight: rows that each of these stands for, the sum of training weights over F + 1.
    """

    features: Floats
    target: Floats
    weight: float


class Moments:
    """Weighted sums over rows of features (F,) and a target, to which eras are added.

    Memory: two (F, F) float64 matrices while an era is added.
    """

    def __init__(self, width: int) -> None:
        self.gram, self.cross = np.zeros((width, width)), np.zeros(width)
        self.total, self.count = np.zeros(width), 0.0
        self.target_sum, self.target_squares = 0.0, 0.0

    def add(self, features: NDArray[np.floating], target: Floats, weights: Floats | None) -> None:
        """Add rows: features (n, F), target (n,) and weights (n,), None where all are 1."""
        weighted = features if weights is None else features * weights[:, None]
        w = np.ones(len(target)) if weights is None else weights
        numbers = features.astype(np.float64, copy=False)
        self.gram += weighted.T @ features
        self.cross += (w * target) @ numbers
        self.total += w @ numbers
        self.count += float(w.sum())
        self.target_sum += float(w @ target)
        self.target_squares += float(w @ target**2)

    @property
    def means(self) -> Floats:
        """Of the features, (F,)."""
        return self.total / self.count

    @property
    def target_mean(self) -> float:
        """Of the target."""
        return self.target_sum / self.count

    def centred(self) -> tuple[Floats, Floats]:
        """Products of the features (F, F) and with the target (F,), each about its mean.

        Those of a constant feature are exactly 0.
        """
        gram = self.gram - self.count * np.outer(self.means, self.means)
        cross = self.cross - self.total * self.target_mean
        constant = gram.diagonal() <= self.gram.diagonal() * CONSTANT
        gram[constant], gram[:, constant], cross[constant] = 0.0, 0.0, 0.0
        return gram, cross

    def condensed(self) -> Condensed:
        """The rows as F + 1, by an eigendecomposition; directions without variance are 0."""
        from scipy.linalg import eigh

        gram, cross = self.centred()
        width = len(cross)
        values, vectors = eigh(gram)
        roots = np.sqrt(np.where(values > values[-1] * width * np.finfo(float).eps, values, 0.0))
        along = vectors.T @ cross
        target = np.divide(along, roots, out=np.zeros(width), where=roots > 0)
        squares = self.target_squares - self.count * self.target_mean**2
        left = np.sqrt(max(squares - float(target @ target), 0.0))
        features = np.vstack([roots[:, None] * vectors.T, np.zeros(width)])
        features[:, gram.diagonal() == 0] = 0.0
        return Condensed(features, np.append(target, left), self.count / (width + 1))
