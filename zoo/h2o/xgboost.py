"""XGBoost inside an H2O server."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from erazoo.errors import TrainingError
from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.h2o.learner import Frames, Learned, Learner, Single, WatchingParams, stopping


class H2OXGBoostParams(WatchingParams):
    """Chen and Guestrin (2016), run by an H2O server, in memory beside its Java heap.

    Presets:
        demo: 100 trees for the generated tournament.

    Args:
        ntrees: trees.
        learn_rate: shrinkage of each tree.
        max_depth: depth of a tree.
        min_rows: sum of the weights of a leaf, at least.
        sample_rate: share of the rows that a tree sees.
        col_sample_rate_per_tree: share of the features that a tree may use.
        reg_lambda: L2 penalty on leaf values.
        score_tree_interval: trees between two looks at the watched eras.
        backend: `cpu`, `gpu`, or `auto` for the GPU where there is one.
    """

    ntrees: int = Field(500, ge=1, le=100_000)
    learn_rate: float = Field(0.02, gt=0, le=1)
    max_depth: int = Field(5, ge=1, le=64)
    min_rows: float = Field(20.0, ge=0)
    sample_rate: float = Field(1.0, gt=0, le=1)
    col_sample_rate_per_tree: float = Field(0.3, gt=0, le=1)
    reg_lambda: float = Field(1.0, ge=0)
    score_tree_interval: int = Field(10, ge=1)
    backend: Literal["auto", "cpu", "gpu"] = "auto"


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

    estimator = H2OXGBoostEstimator(
        ntrees=length or params.ntrees,
        learn_rate=params.learn_rate,
        max_depth=params.max_depth,
        min_rows=params.min_rows,
        sample_rate=params.sample_rate,
        col_sample_rate_per_tree=params.col_sample_rate_per_tree,
        reg_lambda=params.reg_lambda,
        score_tree_interval=params.score_tree_interval,
        backend=params.backend,
        distribution="gaussian",
        seed=seed,
        **stopping(params, length),
    )
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
