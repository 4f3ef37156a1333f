"""H2O's generalised linear model."""

from __future__ import annotations

from pydantic import Field

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.h2o.learner import H2OParams, Learner, Single


class H2OGlmParams(H2OParams):
    """An elastic net (Zou and Hastie, 2005), on standardised features.

    Presets:
        demo: H2O's own penalty, for the generated tournament.
        search: the penalty that H2O's search ends with, half of it L1.

    Args:
        alpha: the share of the penalty that is L1.
        penalty: its size, `lambda` in H2O; None for H2O's choice by the data.
        lambda_search: go through penalties from the largest that keeps a feature downwards.
    """

    alpha: float = Field(0.1, ge=0, le=1)
    penalty: float | None = Field(None, ge=0)
    lambda_search: bool = False


def build(
    params: H2OGlmParams,
    features: FeatureSpec,  # noqa: ARG001
    seed: int,
    length: int | None = None,  # noqa: ARG001
) -> Learner:
    """The untrained learner."""
    from h2o.estimators import H2OGeneralizedLinearEstimator

    estimator = H2OGeneralizedLinearEstimator(
        family="gaussian",
        alpha=params.alpha,
        lambda_=params.penalty,
        lambda_search=params.lambda_search,
        max_runtime_secs=params.max_runtime_seconds,
        seed=seed,
    )
    return Single(estimator)


SPEC = ModelSpec(
    name="h2o_glm",
    family="h2o",
    summary="Elastic net (H2O), served as a MOJO",
    params=H2OGlmParams,
    presets={"demo": {"memory_mb": 1024}, "search": {"lambda_search": True, "alpha": 0.5}},
    needs=("Java",),
    build=build,
)
