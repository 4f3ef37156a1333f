"""XGBoost inside an H2O server."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from erazoo.errors import TrainingError
from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.h2o.boosted import BoostedParams
from zoo.h2o.learner import Frames, Learned, Learner, Single


class H2OXGBoostParams(BoostedParams):
    """Chen and Guestrin (2016), run by an H2O server, in memory beside its Java heap.

    Presets:
        demo: 100 trees for the generated tournament.

    Args:
        min_rows: sum of the weights of a leaf, at least.
        reg_lambda: L2 penalty on leaf values.
        backend: `cpu`, `gpu`, or `auto` for the GPU where there is one.
    """

    min_rows: float = Field(20.0, ge=0)
    reg_lambda: float = Field(1.0, ge=0)
    backend: Literal["auto", "cpu", "gpu"] = "auto"

    @property
    def device(self) -> str:
        """Where trees are grown, by the name that other models give it."""
        return self.backend


class XGBoost(Single):
    """The estimator, where the server's platform has it."""

    def learn(self, frames: Frames) -> Learned:
        """Train it.

        Raises:
            TrainingError: the platform has no XGBoost.
        """
        if not self.estimator.available():
            raise TrainingError(
                "H2O's XGBoost does not run on this platform",
                expected="Linux or macOS on a processor that H2O brings it for",
                hint="Use h2o_gbm or xgboost instead",
            )
        return super().learn(frames)


def build(
    params: H2OXGBoostParams,
    features: FeatureSpec,  # noqa: ARG001
    seed: int,
    length: int | None = None,
) -> Learner:
    """The untrained learner."""
    from h2o.estimators import H2OXGBoostEstimator

    options = params.options(seed, length)
    estimator = H2OXGBoostEstimator(reg_lambda=params.reg_lambda, backend=params.backend, **options)
    return XGBoost(estimator, "number_of_trees")


SPEC = ModelSpec(
    name="h2o_xgboost",
    family="h2o",
    summary="XGBoost inside an H2O server, served as a MOJO",
    params=H2OXGBoostParams,
    presets={"demo": {"ntrees": 100, "learn_rate": 0.05, "max_depth": 4, "memory_mb": 1024}},
    takes_missing=True,
    needs=("Java",),
    build=build,
)
