"""H2O's multi-layer perceptron."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.h2o.learner import Learner, Single, WatchingParams, stopping


class H2ODeepLearningParams(WatchingParams):
    """A perceptron with ADADELTA (Zeiler, 2012), trained on the CPU by an H2O server.

    Presets:
        demo: two small layers for the generated tournament.

    Args:
        hidden: units of each hidden layer.
        epochs: passes over the rows.
        activation: of the hidden layers.
        input_dropout_ratio: share of the features dropped.
        l2: weight penalty.
        reproducible: one thread and a fixed order, so that equal seeds give equal models; without
            it threads write over each other's steps, faster.
    """

    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field((128, 64), min_length=1)
    epochs: float = Field(5.0, gt=0)
    activation: Literal["Rectifier", "Tanh", "Maxout"] = "Rectifier"
    input_dropout_ratio: float = Field(0.0, ge=0, lt=1)
    l2: float = Field(1e-5, ge=0)
    reproducible: bool = True


def build(
    params: H2ODeepLearningParams,
    features: FeatureSpec,  # noqa: ARG001
    seed: int,
    length: int | None = None,
) -> Learner:
    """The untrained learner."""
    from h2o.estimators import H2ODeepLearningEstimator

    estimator = H2ODeepLearningEstimator(
        hidden=list(params.hidden),
        epochs=length or params.epochs,
        activation=params.activation,
        input_dropout_ratio=params.input_dropout_ratio,
        l2=params.l2,
        reproducible=params.reproducible,
        distribution="gaussian",
        overwrite_with_best_model=length is None and params.watches,
        seed=seed,
        **stopping(params, length),
    )
    return Single(estimator, "epochs", keeps_best=True)


SPEC = ModelSpec(
    name="h2o_deeplearning",
    family="h2o",
    summary="Multi-layer perceptron (H2O), on the CPU, served as a MOJO",
    params=H2ODeepLearningParams,
    presets={"demo": {"hidden": [32, 16], "epochs": 3, "memory_mb": 1024}},
    needs=("Java",),
    build=build,
)
