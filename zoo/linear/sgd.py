"""Linear regression by stochastic gradient descent, era by era."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from erazoo.errors import TrainingError
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from zoo.catalogue import ModelSpec, Params
from zoo.estimator import Fit, nothing_to_learn
from zoo.limits import limited
from zoo.linear.base import Linear
from zoo.linear.moments import Floats, learned_rows
from zoo.scale import Scale


class SGDParams(Params):
    """Robbins and Monro (1951), averaged as Polyak and Juditsky (1992) do.

    Names and meanings are those of scikit-learn's `SGDRegressor`, but for `eta0`.

    Args:
        epochs: passes over the eras, each in another order.
        loss: of a row.
        epsilon: the error beyond which `huber` grows linearly, or up to which
            `epsilon_insensitive` is 0.
        penalty: of the weights.
        alpha: the penalty's weight.
        l1_ratio: the share of L1 in `elasticnet`.
        learning_rate: whether steps shrink (`invscaling`) or not.
        eta0: the first step, times the number of features.
        power_t: how fast steps shrink.
        average: whether the weights are the mean over all steps.
    """

    epochs: int = Field(3, ge=1)
    loss: Literal["squared_error", "huber", "epsilon_insensitive"] = "squared_error"
    epsilon: float = Field(0.1, ge=0)
    penalty: Literal["l2", "l1", "elasticnet"] = "l2"
    alpha: float = Field(1e-4, ge=0)
    l1_ratio: float = Field(0.15, ge=0, le=1)
    learning_rate: Literal["invscaling", "constant"] = "invscaling"
    eta0: float = Field(0.01, gt=0)
    power_t: float = Field(0.25, ge=0)
    average: bool = True


class SGD(Linear[SGDParams]):
    """A linear model by steps, one row at a time, an era at a time.

    Targets count from the mean of the first era on, because the steps are too short to carry the
    intercept there. Float features are standardised, which takes one pass more. Memory: one era as
    float32, or float64 where features are floats.
    """

    name = "sgd"

    @override
    def fit(self, data: ShardSet, fit: Fit) -> None:
        scale = Scale.of(self.spec, (features for features, _, _ in learned_rows(data, fit)))
        model, middle = self._solver(np.random.RandomState(fit.seed)), None
        with limited(self.name, fit.threads):
            for era in _order(data, fit, self.params.epochs):
                for features, target, weights in learned_rows(data, era):
                    middle = target.mean() if middle is None else middle
                    self._step(model, scale(features), target - middle, weights)
        self.shift = scale.shift
        self.weights = np.asarray(model.coef_, dtype=np.float64) / scale.divisor
        self.intercept = float(model.intercept_[0] + middle)

    def _step(self, model: Any, features: NDArray[Any], target: Floats, w: Floats | None) -> None:
        try:
            model.partial_fit(features, target, w)
        except ValueError as error:
            raise TrainingError(
                "sgd left the range of numbers",
                received=f"eta0 = {self.params.eta0:g} ({error})",
                hint="Lower eta0",
            ) from error

    def _solver(self, random: np.random.RandomState) -> Any:
        from sklearn.linear_model import SGDRegressor

        options = self.params.model_dump(exclude={"epochs", "eta0"})
        eta0 = self.params.eta0 / len(self.spec.names)
        return SGDRegressor(**options, eta0=eta0, random_state=random)


def _order(data: ShardSet, fit: Fit, epochs: int) -> Iterator[Fit]:
    """The fit of each era that has rows, in another order each epoch."""
    counted = [e for e in data.select(fit.eras) if data.rows((e,), fit.target, training=True)]
    if not counted:
        raise nothing_to_learn(fit.target)
    orders = np.random.default_rng(fit.seed)
    for _ in range(epochs):
        for number in orders.permutation(len(counted)):
            yield replace(fit, eras=(counted[number],))


def build(params: SGDParams, spec: FeatureSpec) -> SGD:
    """The unfitted model."""
    return SGD(params, spec)


SPEC = ModelSpec(
    name="sgd",
    family="linear",
    summary="Linear regression by stochastic gradient descent (scikit-learn), era by era",
    params=SGDParams,
    presets={"classic": {"epochs": 2}, "demo": {"epochs": 3}, "small": {"epochs": 5}},
    build=build,
)
