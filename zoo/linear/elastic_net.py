"""Least squares with both penalties, by scikit-learn's coordinate descent on streamed products."""

from __future__ import annotations

from pydantic import Field
from typing_extensions import override

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec, Params
from zoo.estimator import Fit
from zoo.linear.base import Streamed
from zoo.linear.moments import Condensed, Floats, Moments


class ElasticNetParams(Params):
    """Zou and Hastie (2005).

    Args:
        alpha: the penalties' weight against half the mean squared error, as scikit-learn's
            `ElasticNet` counts it.
        l1_ratio: the share of the L1 penalty; the rest is L2.
        max_iter: rounds over the features, at most.
        tol: the duality gap at which the descent ends, in parts of the target's sum of squares.
    """

    alpha: float = Field(1e-3, gt=0)
    l1_ratio: float = Field(0.5, gt=0, le=1)
    max_iter: int = Field(2_000, ge=1)
    tol: float = Field(1e-5, gt=0)


class ElasticNet(Streamed[ElasticNetParams]):
    """Least squares with L1 and L2 penalties and an intercept, one pass over the eras.

    Memory: six (F, F) float64 matrices and one era.
    """

    name = "elastic_net"

    @override
    def solve(self, moments: Moments, fit: Fit) -> Floats:
        p = self.params
        return descend(moments.condensed(), p.alpha, p.l1_ratio, p.max_iter, p.tol)


def descend(rows: Condensed, alpha: float, l1_ratio: float, max_iter: int, tol: float) -> Floats:
    """The weights (F,) at which coordinate descent ends; options as those of the parameters."""
    from sklearn.linear_model import ElasticNet as Solver

    model = Solver(
        alpha=alpha * rows.weight,
        l1_ratio=l1_ratio,
        fit_intercept=False,
        precompute=rows.features.T @ rows.features,
        max_iter=max_iter,
        tol=tol,
    )
    weights: Floats = model.fit(rows.features, rows.target).coef_
    return weights


def build(params: ElasticNetParams, spec: FeatureSpec) -> ElasticNet:
    """The unfitted model."""
    return ElasticNet(params, spec)


SPEC = ModelSpec(
    name="elastic_net",
    family="linear",
    summary="Least squares with L1 and L2 penalties (scikit-learn), from streamed products",
    params=ElasticNetParams,
    presets={"classic": {"alpha": 5e-4}, "demo": {"alpha": 3e-3}, "small": {"alpha": 3e-3}},
    build=build,
)
