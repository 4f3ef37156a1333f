"""H2O's gradient boosting machine."""

from __future__ import annotations

from pydantic import Field

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.h2o.learner import Learner, Single, WatchingParams, stopping


class H2OGbmParams(WatchingParams):
    """Friedman (2001), grown on histograms by an H2O server.

    Presets:
        demo: 100 trees for the generated tournament.
        deep: up to 2,000 trees of depth 8, stopped by the watched eras.

    Args:
        ntrees: trees.
        learn_rate: shrinkage of each tree.
        max_depth: depth of a tree.
        min_rows: rows of a leaf, at least.
        sample_rate: share of the rows that a tree sees.
        col_sample_rate_per_tree: share of the features that a tree may use.
        nbins: bins of a feature's histogram.
        score_tree_interval: trees between two looks at the watched eras.
    """

    ntrees: int = Field(500, ge=1, le=100_000)
    learn_rate: float = Field(0.02, gt=0, le=1)
    max_depth: int = Field(5, ge=1, le=64)
    min_rows: float = Field(20.0, ge=1)
    sample_rate: float = Field(1.0, gt=0, le=1)
    col_sample_rate_per_tree: float = Field(0.3, gt=0, le=1)
    nbins: int = Field(20, ge=2)
    score_tree_interval: int = Field(10, ge=1)


def build(
    params: H2OGbmParams,
    features: FeatureSpec,  # noqa: ARG001
    seed: int,
    length: int | None = None,
) -> Learner:
    """The untrained learner."""
    from h2o.estimators import H2OGradientBoostingEstimator

    estimator = H2OGradientBoostingEstimator(
        ntrees=length or params.ntrees,
        learn_rate=params.learn_rate,
        max_depth=params.max_depth,
        min_rows=params.min_rows,
        sample_rate=params.sample_rate,
        col_sample_rate_per_tree=params.col_sample_rate_per_tree,
        nbins=params.nbins,
        score_tree_interval=params.score_tree_interval,
        distribution="gaussian",
        seed=seed,
        **stopping(params, length),
    )
    return Single(estimator, "number_of_trees")


SPEC = ModelSpec(
    name="h2o_gbm",
    family="h2o",
    summary="Gradient-boosted trees (H2O), served as a MOJO",
    params=H2OGbmParams,
    presets={
        "demo": {"ntrees": 100, "learn_rate": 0.05, "max_depth": 4, "memory_mb": 1024},
        "deep": {"ntrees": 2000, "learn_rate": 0.01, "max_depth": 8, "stopping_rounds": 5},
    },
    takes_missing=True,
    needs=("Java",),
    build=build,
)
