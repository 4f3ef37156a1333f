"""The trainer of every model that is not a network."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from erazoo.machine import cores
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from training.task import FitResult, FoldTask
from zoo.catalogue import ModelSpec, Params
from zoo.estimator import Estimator

if TYPE_CHECKING:
    from training.task import BlockPredictor


class EstimatorTrainer:
    """Fits an estimator on all training eras of a fold; nothing is watched, nothing chosen."""

    def fit(
        self, spec: ModelSpec, params: Params, data: ShardSet, task: FoldTask, folder: Path
    ) -> FitResult:
        """Fit on `task.fit` and `task.monitor` alike and write the native files to `folder`."""
        begun = time.monotonic()
        model: Estimator = spec.build(params, data.spec)
        eras = (*task.fit, *task.monitor)
        model.fit(data, eras, task.target, task.seed, task.settings.threads or cores())
        model.save(folder)
        return FitResult({}, None, None, time.monotonic() - begun)

    def load(
        self, spec: ModelSpec, params: Params, features: FeatureSpec, folder: Path
    ) -> BlockPredictor:
        """The fitted model as a function of raw features."""
        model: Estimator = spec.build(params, features)
        model.load(folder)
        return model.predict
