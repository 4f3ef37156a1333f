"""H2O's gradient boosting machine."""

from __future__ import annotations

from pydantic import Field

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.h2o.boosted import BoostedParams
from zoo.h2o.learner import Learner, Single


class H2OGbmParams(BoostedParams):
    """Friedman (2001), grown on histograms by an H2O server.

    Presets:
        demo: 100 trees for the generated tournament.
        deep: up to 2,000 trees of depth 8, stopped by the watched eras.

    Args:
        nbins: bins of a feature's histogram.
    """

    nbins: int = Field(20, ge=2)


def build(
    params: H2OGbmParams,
    features: FeatureSpec,  # noqa: ARG001
    seed: int,
    length: int | None = None,
) -> Learner:
    """The untrained learner."""
    from h2o.estimators import H2OGradientBoostingEstimator

    options = params.options(seed, length)
    estimator = H2OGradientBoostingEstimator(nbins=params.nbins, **options)
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
