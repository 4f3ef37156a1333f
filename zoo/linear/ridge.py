"""Ridge regression from streamed normal equations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from erazoo.errors import TrainingError
from erazoo.panel import FeatureSpec
from erazoo.publish import atomic_file
from etl.shards import ShardSet
from zoo.catalogue import ModelSpec, Params

FILE = "ridge.npz"


class RidgeParams(Params):
    """Hoerl and Kennard (1970).

    Attributes:
        alpha: L2 penalty on the sum of squares, as scikit-learn's `Ridge` counts it.
    """

    alpha: float = Field(10_000.0, gt=0)


class Ridge:
    """Least squares with an L2 penalty and an intercept, one pass over the eras.

    Quintiles are centred on their middle, missing ones included: the products of an era are exact
    in float32 and are summed in float64. Float features are float64 throughout and are shifted by
    the means of the first era. Rows count by their training weights. Memory: two (F, F) float64
    matrices and one era.
    """

    def __init__(self, params: RidgeParams, spec: FeatureSpec) -> None:
        self.params, self.spec = params, spec
        self.weights: NDArray[np.float64] = np.zeros(len(spec.names))
        self.shift: NDArray[np.float64] = np.zeros(len(spec.names))
        self.intercept = 0.0

    def fit(
        self,
        data: ShardSet,
        eras: Sequence[str],
        target: str,
        seed: int,  # noqa: ARG002
        threads: int,  # noqa: ARG002
    ) -> None:
        """Accumulate the normal equations era by era and solve them.

        Raises:
            TrainingError: no row has a resolved target.
        """
        width, column = len(self.spec.names), data.target_index(target)
        gram = np.zeros((width, width))
        cross, total = np.zeros(width), np.zeros(width)
        count, target_sum = 0.0, 0.0
        for block in data.blocks(eras, training=True):
            known = np.isfinite(block.targets[:, column])
            if not count and known.any():
                self._set_shift(block.features[known])
            x = self._numbers(block.features[known])
            y = block.targets[known, column].astype(np.float64)
            w = np.ones(len(y)) if block.weights is None else block.weights[known].astype(float)
            weighted = x if block.weights is None else x * w[:, None]
            gram += weighted.T @ x
            cross += (w * y) @ x.astype(np.float64)
            total += w @ x.astype(np.float64)
            count += float(w.sum())
            target_sum += float(w @ y)
        if not count:
            raise TrainingError("no row has a resolved target", received=target)
        self._solve(gram, cross, total, count, target_sum)

    def predict(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (rows,)."""
        linear = self._numbers(features).astype(np.float64) @ self.weights
        return np.asarray(linear + self.intercept, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write the weights as a plain npz file (no pickle)."""
        with atomic_file(folder / FILE) as temporary, temporary.open("wb") as stream:
            np.savez(stream, weights=self.weights, shift=self.shift, intercept=self.intercept)

    def load(self, folder: Path) -> None:
        """Read the weights."""
        with np.load(folder / FILE, allow_pickle=False) as stored:
            self.weights, self.shift = stored["weights"], stored["shift"]
            self.intercept = float(stored["intercept"])

    def _solve(
        self,
        gram: NDArray[np.float64],
        cross: NDArray[np.float64],
        total: NDArray[np.float64],
        count: float,
        target_sum: float,
    ) -> None:
        from scipy.linalg import solve

        means, target_mean = total / count, target_sum / count
        centred = gram - count * np.outer(means, means)
        centred[np.diag_indices_from(centred)] += self.params.alpha
        self.weights = solve(centred, cross - total * target_mean, assume_a="pos")
        self.intercept = target_mean - float(means @ self.weights)

    def _set_shift(self, features: NDArray[Any]) -> None:
        if self.spec.dtype != np.int8:
            self.shift = features.mean(axis=0, dtype=np.float64)

    def _numbers(self, features: NDArray[Any]) -> NDArray[Any]:
        if self.spec.dtype == np.int8:
            return self.spec.centred(features)
        return features.astype(np.float64) - self.shift


def build(params: RidgeParams, spec: FeatureSpec) -> Ridge:
    """The unfitted model."""
    return Ridge(params, spec)


SPEC = ModelSpec(
    name="ridge",
    family="linear",
    summary="Ridge regression on centred quintiles, from streamed normal equations",
    params=RidgeParams,
    presets={"demo": {"alpha": 20_000.0}, "small": {"alpha": 2_000.0}},
    build=build,
)
