"""H2O's generalised additive model."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from erazoo.errors import TrainingError
from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.h2o.learner import Frames, H2OParams, Learned, Learner, strongest

FEWEST = 2


class H2OGamParams(H2OParams):
    """Hastie and Tibshirani (1986): cubic regression splines of some features, the rest linear.

    Presets:
        demo: five splines, for the generated tournament.

    Args:
        splines: features that get a spline: those that correlate most with the target, by size, in
            the training rows.
        knots: of each spline.
        smoothness: penalty on curvature, `scale` in H2O.
        alpha: the share of the penalty on the coefficients that is L1.
        penalty: its size, `lambda` in H2O.
    """

    splines: int = Field(10, ge=1)
    knots: int = Field(4, ge=3)
    smoothness: float = Field(1.0, ge=0)
    alpha: float = Field(0.0, ge=0, le=1)
    penalty: float = Field(1e-4, ge=0)


class Gam:
    """The estimator, whose columns of splines are chosen when its rows are there."""

    def __init__(self, params: H2OGamParams, seed: int) -> None:
        self.params, self.seed = params, seed

    def learn(self, frames: Frames) -> Learned:
        """Choose the features with splines, all but one at most, and train.

        Raises:
            TrainingError: there is one feature.
        """
        from h2o.estimators import H2OGeneralizedAdditiveEstimator

        params = self.params
        if len(frames.features) < FEWEST:
            raise TrainingError("h2o_gam needs two features or more", received=frames.features[0])
        chosen = strongest(frames, min(params.splines, len(frames.features) - 1))
        model = H2OGeneralizedAdditiveEstimator(
            family="gaussian",
            gam_columns=chosen,
            num_knots=[params.knots] * len(chosen),
            scale=[params.smoothness] * len(chosen),
            bs=[0] * len(chosen),
            alpha=params.alpha,
            lambda_=params.penalty,
            max_runtime_secs=params.max_runtime_seconds,
            seed=self.seed,
        )
        columns: dict[str, Any] = frames.columns
        columns["x"] = [name for name in frames.features if name not in chosen]
        model.train(**columns)
        return Learned(model)


def build(
    params: H2OGamParams,
    features: FeatureSpec,  # noqa: ARG001
    seed: int,
    length: int | None = None,  # noqa: ARG001
) -> Learner:
    """The untrained learner."""
    return Gam(params, seed)


SPEC = ModelSpec(
    name="h2o_gam",
    family="h2o",
    summary="Generalised additive model with cubic splines (H2O), served as a MOJO",
    params=H2OGamParams,
    presets={"demo": {"splines": 5, "memory_mb": 1024}},
    needs=("Java",),
    build=build,
)
