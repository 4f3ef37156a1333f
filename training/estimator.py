"""The trainer of every model that is not a network."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import SchemaError
from erazoo.machine import cores
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from training.task import FitResult, FoldTask
from zoo.catalogue import ModelSpec, Params
from zoo.estimator import Course, Estimator, Fit

if TYPE_CHECKING:
    from training.task import BlockPredictor


class EstimatorTrainer:
    """Fits an estimator on the training eras of a fold.

    Where the model's parameters watch eras, `task.monitor` is watched; else it is fitted too.
    """

    def fit(
        self, spec: ModelSpec, params: Params, data: ShardSet, task: FoldTask, folder: Path
    ) -> FitResult:
        """Fit and write the native files to `folder`.

        Returns:
            The course of the fit; for one that watched nothing only its time.
        """
        begun = time.monotonic()
        model: Estimator = spec.build(params, data.spec)
        course = model.fit(data, fit_of(params, task)) or Course()
        model.save(folder)
        seconds = time.monotonic() - begun
        return FitResult(dict(course.history), course.best, course.value, seconds)

    def load(
        self, spec: ModelSpec, params: Params, features: FeatureSpec, folder: Path
    ) -> BlockPredictor:
        """The fitted model as a function of raw features; it raises SchemaError on others."""
        model: Estimator = spec.build(params, features)
        model.load(folder)

        def predict(values: NDArray[Any]) -> NDArray[np.float32]:
            check_features(spec.name, features, values)
            return model.predict(values)

        return predict


def fit_of(params: Params, task: FoldTask) -> Fit:
    """What an estimator is told of a task."""
    watched = task.monitor if params.watches else ()
    return Fit(
        eras=task.fit if watched else (*task.fit, *task.monitor),
        target=task.target,
        watched=watched,
        seed=task.seed,
        threads=task.settings.threads or cores(),
        length=task.length,
        device=task.settings.devices,
        start=task.start,
        purge=task.purge,
    )


def check_features(name: str, features: FeatureSpec, values: NDArray[Any]) -> None:
    """Refuse features that a model was not made for.

    Args:
        name: of the model.
        features: that it was made for.
        values: that it is given.

    Raises:
        SchemaError: another number of features, or another type.
    """
    width = len(features.names)
    if values.shape[1:] != (width,) or values.dtype != features.dtype:
        raise SchemaError(
            f"features do not fit the {name}",
            received=f"shape {values.shape} of {values.dtype}",
            expected=f"(rows, {width}) of {features.dtype}",
        )
