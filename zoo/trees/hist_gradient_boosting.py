"""Boosted trees on histograms, as scikit-learn has them."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field
from typing_extensions import override

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.estimator import Fit
from zoo.trees.base import TreeParams, Trees


class HistGradientBoostingParams(TreeParams):
    """Friedman (2001) on histograms as in Ke et al. (2017); scikit-learn's names and meanings.

    Args:
        max_iter: trees.
        learning_rate: shrinkage of a tree.
        max_leaf_nodes: leaves of a tree.
        l2_regularization: L2 penalty on leaf values.
        max_bins: bins of a feature.
    """

    max_depth: int | None = Field(5, ge=1)
    max_features: float = Field(0.1, gt=0, le=1)
    max_iter: int = Field(500, ge=1)
    learning_rate: float = Field(0.03, gt=0)
    max_leaf_nodes: int = Field(31, ge=2)
    l2_regularization: float = Field(0.0, ge=0)
    max_bins: int = Field(255, ge=2, le=255)


class HistGradientBoosting(Trees[HistGradientBoostingParams]):
    """Boosted trees of scikit-learn; memory: 10 bytes a value of drawn rows, float64 and bins."""

    name = "hist_gradient_boosting"
    dtype = np.float64

    @override
    def untrained(self, fit: Fit) -> Any:
        from sklearn.ensemble import HistGradientBoostingRegressor

        options = self.params.model_dump(exclude={"rows"})
        return HistGradientBoostingRegressor(**options, early_stopping=False, random_state=fit.seed)


def build(params: HistGradientBoostingParams, spec: FeatureSpec) -> HistGradientBoosting:
    """The unfitted model."""
    return HistGradientBoosting(params, spec)


SPEC = ModelSpec(
    name="hist_gradient_boosting",
    family="trees",
    summary="Boosted trees on histograms (scikit-learn)",
    params=HistGradientBoostingParams,
    presets={
        "classic": {"max_iter": 2_000, "learning_rate": 0.01},
        "demo": {"max_iter": 120, "learning_rate": 0.05, "max_depth": 4, "max_features": 0.3},
        "small": {"max_iter": 200, "learning_rate": 0.03, "max_depth": 4, "max_features": 0.3},
    },
    takes_missing=True,
    build=build,
)
