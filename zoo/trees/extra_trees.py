"""Extremely randomised trees."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.estimator import Fit
from zoo.trees.forest import PRESETS, Forest, ForestParams


class ExtraTreesParams(ForestParams):
    """Geurts, Ernst and Wehenkel (2006)."""


class ExtraTrees(Forest[ExtraTreesParams]):
    """Trees whose splits are drawn at random, the best of them kept."""

    name = "extra_trees"

    @override
    def untrained(self, fit: Fit) -> Any:
        from sklearn.ensemble import ExtraTreesRegressor

        return self.grown(ExtraTreesRegressor, fit)


def build(params: ExtraTreesParams, spec: FeatureSpec) -> ExtraTrees:
    """The unfitted model."""
    return ExtraTrees(params, spec)


SPEC = ModelSpec(
    name="extra_trees",
    family="trees",
    summary="Extremely randomised trees (scikit-learn)",
    params=ExtraTreesParams,
    presets=PRESETS,
    takes_missing=True,
    build=build,
)
