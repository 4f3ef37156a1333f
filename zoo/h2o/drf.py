"""H2O's random forest."""

from __future__ import annotations

from pydantic import Field

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.h2o.learner import Learner, Single, WatchingParams, stopping


class H2ODrfParams(WatchingParams):
    """Breiman (2001): trees on samples of the rows, averaged.

    Presets:
        demo: 30 shallow trees for the generated tournament.
        extra: extremely randomised trees.

    Args:
        ntrees: trees.
        max_depth: depth of a tree.
        min_rows: rows of a leaf, at least.
        sample_rate: share of the rows that a tree sees.
        mtries: features tried at a split; None for a third of them.
        extremely_randomised: split at random points, as Geurts et al. (2006) do.
        score_tree_interval: trees between two looks at the watched eras.
    """

    ntrees: int = Field(100, ge=1, le=100_000)
    max_depth: int = Field(12, ge=1, le=64)
    min_rows: float = Field(50.0, ge=1)
    sample_rate: float = Field(0.632, gt=0, le=1)
    mtries: int | None = Field(None, ge=1)
    extremely_randomised: bool = False
    score_tree_interval: int = Field(10, ge=1)


def build(
    params: H2ODrfParams,
    features: FeatureSpec,  # noqa: ARG001
    seed: int,
    length: int | None = None,
) -> Learner:
    """The untrained learner."""
    from h2o.estimators import H2ORandomForestEstimator

    estimator = H2ORandomForestEstimator(
        ntrees=length or params.ntrees,
        max_depth=params.max_depth,
        min_rows=params.min_rows,
        sample_rate=params.sample_rate,
        mtries=-1 if params.mtries is None else params.mtries,
        histogram_type="Random" if params.extremely_randomised else "UniformAdaptive",
        score_tree_interval=params.score_tree_interval,
        seed=seed,
        **stopping(params, length),
    )
    return Single(estimator, "number_of_trees")


SPEC = ModelSpec(
    name="h2o_drf",
    family="h2o",
    summary="Random forest, or extremely randomised trees (H2O), served as a MOJO",
    params=H2ODrfParams,
    presets={
        "demo": {"ntrees": 30, "max_depth": 8, "memory_mb": 1024},
        "extra": {"extremely_randomised": True},
    },
    takes_missing=True,
    needs=("Java",),
    build=build,
)
