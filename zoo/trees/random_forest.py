"""Random forests."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.estimator import Fit
from zoo.trees.forest import PRESETS, Forest, ForestParams


class RandomForestParams(ForestParams):
    """Breiman (2001)."""


class RandomForest(Forest[RandomForestParams]):
    """Trees on rows and features drawn at random."""

    name = "random_forest"

    @override
    def untrained(self, fit: Fit) -> Any:
        from sklearn.ensemble import RandomForestRegressor

        return self.grown(RandomForestRegressor, fit)


def build(params: RandomForestParams, spec: FeatureSpec) -> RandomForest:
    """The unfitted model."""
    return RandomForest(params, spec)


SPEC = ModelSpec(
    name="random_forest",
    family="trees",
    summary="Random forest (scikit-learn)",
    params=RandomForestParams,
    presets=PRESETS,
    takes_missing=True,
    build=build,
)
