"""H2O's stacked ensemble of its own models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.h2o.learner import Frames, Learned, Learner
from zoo.h2o.validated import FoldedParams

Base = Literal["gbm", "drf", "glm", "deeplearning"]


class H2OStackedParams(FoldedParams):
    """Super Learner (van der Laan et al., 2007).

    A GLM without negative weights learns from what the base models predict of the folds that they
    were not trained on. Base models take the options below where they have them, and H2O's own
    defaults else.

    Presets:
        demo: small base models for the generated tournament.

    Args:
        members: base models, each once.
        ntrees: trees of GBM and DRF.
        learn_rate: shrinkage of each tree of GBM.
        max_depth: depth of a tree.
        hidden: units of each hidden layer of the perceptron, which runs one pass over the rows.
    """

    members: tuple[Base, ...] = Field(("gbm", "drf", "glm"), min_length=2)
    ntrees: int = Field(100, ge=1)
    learn_rate: float = Field(0.05, gt=0, le=1)
    max_depth: int = Field(5, ge=1, le=64)
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field((32, 16), min_length=1)

    @field_validator("members")
    @classmethod
    def _once(cls, value: tuple[Base, ...]) -> tuple[Base, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a base model stands twice")
        return value


class Stacked:
    """Base models over one column of folds, and the model that blends them."""

    def __init__(self, params: H2OStackedParams, seed: int) -> None:
        self.params, self.seed = params, seed

    def learn(self, frames: Frames) -> Learned:
        """Train the base models, then the blend.

        Returns:
            The blend; its leaderboard has the RMSE of each base model over the folds.
        """
        from h2o.estimators import H2OStackedEnsembleEstimator

        bases = [self._base(name) for name in self.params.members]
        for base in bases:
            base.train(**frames.columns, fold_column=frames.folds)
        blend = H2OStackedEnsembleEstimator(
            base_models=bases, metalearner_algorithm="glm", seed=self.seed
        )
        blend.train(**frames.columns)
        rows = [
            {"model_id": base.model_id, "algo": base.algo, "rmse": float(base.rmse(xval=True))}
            for base in bases
        ]
        return Learned(blend, sorted(rows, key=lambda row: row["rmse"]))

    def _base(self, name: Base) -> Any:
        from h2o import estimators

        params = self.params
        trees = {"ntrees": params.ntrees, "max_depth": params.max_depth}
        kinds: dict[Base, tuple[Any, dict[str, Any]]] = {
            "gbm": (
                estimators.H2OGradientBoostingEstimator,
                {**trees, "learn_rate": params.learn_rate},
            ),
            "drf": (estimators.H2ORandomForestEstimator, trees),
            "glm": (estimators.H2OGeneralizedLinearEstimator, {"family": "gaussian"}),
            "deeplearning": (
                estimators.H2ODeepLearningEstimator,
                {"hidden": list(params.hidden), "epochs": 1, "reproducible": True},
            ),
        }
        kind, options = kinds[name]
        return kind(
            **options,
            seed=self.seed,
            max_runtime_secs=params.max_runtime_seconds,
            keep_cross_validation_predictions=True,
        )


def build(
    params: H2OStackedParams,
    features: FeatureSpec,  # noqa: ARG001
    seed: int,
    length: int | None = None,  # noqa: ARG001
) -> Learner:
    """The untrained learner."""
    return Stacked(params, seed)


SPEC = ModelSpec(
    name="h2o_stacked",
    family="h2o",
    summary="Stacked ensemble of H2O's models over purged folds, served as a MOJO",
    params=H2OStackedParams,
    presets={"demo": {"folds": 3, "ntrees": 30, "max_depth": 4, "memory_mb": 1024}},
    takes_missing=True,
    needs=("Java",),
    build=build,
)
