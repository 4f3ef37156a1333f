"""One regression tree."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from typing_extensions import override

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.estimator import Fit
from zoo.trees.base import TreeParams, Trees


class DecisionTreeParams(TreeParams):
    """Breiman, Friedman, Olshen and Stone (1984).

    Args:
        ccp_alpha: the least a subtree must lower the mean squared error by, for each leaf more.
    """

    ccp_alpha: float = Field(0.0, ge=0)


class DecisionTree(Trees[DecisionTreeParams]):
    """A tree whose splits lower the squared error most; memory: 4 bytes a value of drawn rows."""

    name = "decision_tree"

    @override
    def untrained(self, fit: Fit) -> Any:
        from sklearn.tree import DecisionTreeRegressor

        options = self.params.model_dump(exclude={"rows"})
        return DecisionTreeRegressor(**options, random_state=fit.seed)


def build(params: DecisionTreeParams, spec: FeatureSpec) -> DecisionTree:
    """The unfitted model."""
    return DecisionTree(params, spec)


SPEC = ModelSpec(
    name="decision_tree",
    family="trees",
    summary="One regression tree (scikit-learn)",
    params=DecisionTreeParams,
    presets={
        "classic": {"max_depth": 8, "min_samples_leaf": 2_000},
        "demo": {"max_depth": 4, "min_samples_leaf": 200},
        "small": {"max_depth": 4, "min_samples_leaf": 100},
    },
    takes_missing=True,
    build=build,
)
