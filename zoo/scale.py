"""Numbers for models that measure distances or take steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from zoo.drawn import Drawn, draw
from zoo.estimator import Fit


@dataclass(frozen=True)
class Scale:
    """Numbers of raw features for models that measure distances or take steps.

    Quintiles are centred on their middle; float features have the mean 0 and the deviation 1 of
    the rows that it was made of.

    Args:
        spec: the features.
        shift: (F,), what is taken off.
        divisor: (F,), what is divided by.
    """

    spec: FeatureSpec
    shift: NDArray[np.float64]
    divisor: NDArray[np.float64]

    @classmethod
    def of(cls, spec: FeatureSpec, parts: Iterable[NDArray[Any]]) -> Scale:
        """The scale of rows that come in parts (n, F); quintiles need none and read none."""
        width = len(spec.names)
        if spec.dtype == np.int8:
            return cls(spec, np.zeros(width), np.ones(width))
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler()
        for part in parts:
            scaler.partial_fit(part.astype(np.float64))
        return cls(spec, scaler.mean_, scaler.scale_)

    def __call__(self, features: NDArray[Any]) -> NDArray[Any]:
        """Numbers (n, F): float32 of quintiles, float64 of float features."""
        if self.spec.dtype == np.int8:
            return self.spec.centred(features)
        return (features.astype(np.float64) - self.shift) / self.divisor

    def applied(self, drawn: Drawn) -> Drawn:
        """Drawn raw float features, in place, or centred quintiles as they are."""
        if self.spec.dtype != np.int8:
            numbers = drawn.features
            numbers -= self.shift
            numbers /= self.divisor
        return drawn


def draw_scaled(
    name: str, data: ShardSet, fit: Fit, rows: int, dtype: DTypeLike = np.float32
) -> tuple[Drawn, Scale]:
    """Rows as `draw` holds them, on their own scale.

    Raises:
        TrainingError: no row has a resolved target.
    """
    drawn = draw(name, data, fit, rows, data.spec.centred, dtype)
    scale = Scale.of(data.spec, [drawn.features])
    return scale.applied(drawn), scale


def typical_distance(features: NDArray[Any]) -> float:
    """The root mean squared distance of two rows, 1 where all are equal."""
    return float(np.sqrt(2.0 * features.var(axis=0, dtype=np.float64).sum())) or 1.0
