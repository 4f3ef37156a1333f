"""H2O AutoML."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from erazoo.errors import TrainingError
from erazoo.java import find_java
from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.h2o.learner import Algorithm, Frames, Learned, Learner, Metric
from zoo.h2o.validated import FoldedParams


class AutoMLParams(FoldedParams):
    """LeDell and Poirier (2020): many of H2O's models, tuned and stacked, the best one kept.

    Models are compared over purged folds within the training eras. With `max_runtime_seconds` 0
    and without DeepLearning equal seeds give equal models; the clock makes them differ.

    Presets:
        demo: four models for the generated tournament.
        hour: an hour of all algorithms.

    Args:
        max_models: models to train, stacked ensembles not counted; 0 for no limit but the time.
        sort_metric: by which the leaderboard is sorted.
        stopping_metric: by which each model stops early.
        stopping_rounds: scoring rounds without a better moving average after which a model stops.
        stopping_tolerance: the share by which a round must be better.
        algorithms: that may be tried; empty for all but those excluded.
        exclude: algorithms that are not tried.
    """

    max_models: int = Field(10, ge=0)
    sort_metric: Metric = "RMSE"
    stopping_metric: Metric = "RMSE"
    stopping_rounds: int = Field(3, ge=1)
    stopping_tolerance: float = Field(1e-3, gt=0)
    algorithms: tuple[Algorithm, ...] = ()
    exclude: tuple[Algorithm, ...] = ("DeepLearning",)

    @model_validator(mode="after")
    def _it_ends(self) -> Self:
        if not self.max_models and not self.max_runtime_seconds:
            raise ValueError("AutoML needs max_models or max_runtime_seconds to come to an end")
        return self

    def options(self, seed: int) -> dict[str, Any]:
        """The arguments of H2O's AutoML, on a server of its own or on Spark."""
        chosen = {"include_algos": list(self.algorithms)} if self.algorithms else {}
        excluded = {} if self.algorithms else {"exclude_algos": list(self.exclude)}
        return {
            "max_models": self.max_models,
            "max_runtime_secs": self.max_runtime_seconds,
            "sort_metric": self.sort_metric,
            "stopping_metric": self.stopping_metric,
            "stopping_rounds": self.stopping_rounds,
            "stopping_tolerance": self.stopping_tolerance,
            "seed": seed,
            **(chosen or excluded),
        }


class AutoML:
    """The search; what it keeps is the leader of its board."""

    def __init__(self, params: AutoMLParams, seed: int) -> None:
        self.params, self.seed = params, seed

    def learn(self, frames: Frames) -> Learned:
        """Run the search.

        Raises:
            TrainingError: no model came to an end.
        """
        from h2o.automl import H2OAutoML, get_leaderboard

        search = H2OAutoML(**self.params.options(self.seed))
        search.train(**frames.columns, fold_column=frames.folds)
        if search.leader is None:
            raise TrainingError(
                "H2O AutoML finished no model",
                hint="Raise params.max_runtime_seconds or params.memory_mb",
            )
        board = get_leaderboard(search, extra_columns="ALL").as_data_frame()
        return Learned(search.leader, board.to_dict("records"))


def build(
    params: AutoMLParams,
    features: FeatureSpec,  # noqa: ARG001
    seed: int,
    length: int | None = None,  # noqa: ARG001
) -> Learner:
    """The untrained learner."""
    return AutoML(params, seed)


SPEC = ModelSpec(
    name="h2o_automl",
    family="h2o",
    summary="H2O AutoML over purged folds, its leader served as a MOJO",
    params=AutoMLParams,
    presets={
        "demo": {"max_models": 4, "folds": 3, "algorithms": ["GBM", "GLM"], "memory_mb": 1024},
        "hour": {"max_models": 0, "max_runtime_seconds": 3600, "exclude": []},
    },
    takes_missing=True,
    needs=("Java",),
    build=build,
    require=find_java,
)
