"""Linear regression that outlying targets pull at less."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from typing_extensions import override

from erazoo.errors import TrainingError
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from zoo.catalogue import ModelSpec, Params
from zoo.estimator import Fit
from zoo.limits import limited
from zoo.linear.base import Linear
from zoo.scale import draw_scaled


class HuberParams(Params):
    """Huber (1964), with the scale found too (Owen 2007), as scikit-learn's `HuberRegressor`.

    Args:
        epsilon: the error in scales beyond which the loss grows linearly. Where half of the targets
            are equal, scikit-learn's default of 1.35 takes all others for outliers.
        alpha: L2 penalty against the sum of losses.
        max_iter: steps of L-BFGS, at most.
        tol: the gradient at which it ends.
        rows: learned at most, drawn evenly over eras; the memory follows.
    """

    epsilon: float = Field(2.5, gt=1)
    alpha: float = Field(100_000.0, ge=0)
    max_iter: int = Field(200, ge=1)
    tol: float = Field(1e-4, gt=0)
    rows: int = Field(200_000, ge=2)


class Huber(Linear[HuberParams]):
    """A linear model with Huber's loss.

    Float features are standardised. Memory: up to 24 bytes a value of the drawn rows: float64, and
    copies of the rows with small and with large errors.
    """

    name = "huber"

    @override
    def fit(self, data: ShardSet, fit: Fit) -> None:
        from sklearn.linear_model import HuberRegressor

        drawn, scale = draw_scaled(self.name, data, fit, self.params.rows, np.float64)
        options = self.params.model_dump(exclude={"rows"})
        with limited(self.name, fit.threads):
            try:
                model = HuberRegressor(**options).fit(drawn.features, drawn.target, drawn.weights)
            except ValueError as error:
                raise TrainingError("huber found no solution", received=str(error)) from error
        self.shift = scale.shift
        self.weights = np.asarray(model.coef_, dtype=np.float64) / scale.divisor
        self.intercept = float(model.intercept_)


def build(params: HuberParams, spec: FeatureSpec) -> Huber:
    """The unfitted model."""
    return Huber(params, spec)


SPEC = ModelSpec(
    name="huber",
    family="linear",
    summary="Linear regression with Huber's loss (scikit-learn), on drawn rows",
    params=HuberParams,
    presets={"classic": {}, "demo": {"rows": 50_000}, "small": {"rows": 20_000}},
    build=build,
)
