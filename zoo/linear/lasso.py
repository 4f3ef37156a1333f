"""The lasso, by scikit-learn's coordinate descent on streamed products."""

from __future__ import annotations

from pydantic import Field
from typing_extensions import override

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec, Params
from zoo.estimator import Fit
from zoo.linear.base import Streamed
from zoo.linear.elastic_net import descend
from zoo.linear.moments import Floats, Moments


class LassoParams(Params):
    """Tibshirani (1996).

    Args:
        alpha: the L1 penalty against half the mean squared error, as scikit-learn's `Lasso` counts
            it; features whose covariance with what is left of the target is smaller weigh 0.
        max_iter: rounds over the features, at most.
        tol: the duality gap at which the descent ends, in parts of the target's sum of squares.
    """

    alpha: float = Field(5e-4, gt=0)
    max_iter: int = Field(2_000, ge=1)
    tol: float = Field(1e-5, gt=0)


class Lasso(Streamed[LassoParams]):
    """Least squares with an L1 penalty and an intercept, one pass over the eras.

    Memory: six (F, F) float64 matrices and one era.
    """

    name = "lasso"

    @override
    def solve(self, moments: Moments, fit: Fit) -> Floats:
        p = self.params
        return descend(moments.condensed(), p.alpha, 1.0, p.max_iter, p.tol)


def build(params: LassoParams, spec: FeatureSpec) -> Lasso:
    """The unfitted model."""
    return Lasso(params, spec)


SPEC = ModelSpec(
    name="lasso",
    family="linear",
    summary="Least squares with an L1 penalty (scikit-learn), from streamed products",
    params=LassoParams,
    presets={"classic": {"alpha": 2e-4}, "demo": {"alpha": 2e-3}, "small": {"alpha": 2e-3}},
    build=build,
)
