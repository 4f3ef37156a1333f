"""Models that cannot take missing values are not given any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from erazoo.errors import SchemaError
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from training.task import FitResult, FoldTask, Trainer
from zoo.catalogue import ModelSpec, Params

if TYPE_CHECKING:
    from training.task import BlockPredictor


class CompleteTrainer(Trainer):
    """A trainer that refuses features with missing values, in training and in prediction.

    Quintiles have none once they are cleaned; float features may, and are read through once.

    Args:
        trainer: does the work.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer

    @override
    def fit(
        self, spec: ModelSpec, params: Params, data: ShardSet, task: FoldTask, folder: Path
    ) -> FitResult:
        """Fit as the trainer does.

        Raises:
            SchemaError: a missing value in the eras of the task.
        """
        if data.spec.dtype != np.int8:
            _check_eras(spec, data, (*task.fit, *task.monitor))
        return self.trainer.fit(spec, params, data, task, folder)

    @override
    def load(
        self, spec: ModelSpec, params: Params, features: FeatureSpec, folder: Path
    ) -> BlockPredictor:
        """The model as the trainer loads it; it raises SchemaError on a missing value."""
        predictor = self.trainer.load(spec, params, features, folder)
        if features.dtype == np.int8:
            return predictor

        def predict(values: NDArray[Any]) -> NDArray[np.float32]:
            _check(spec, features, values, "the rows to predict")
            return predictor(values)

        return predict


def _check_eras(spec: ModelSpec, data: ShardSet, eras: Sequence[str]) -> None:
    for block in data.blocks(eras):
        _check(spec, data.spec, block.features, f"era {block.era}")


def _check(spec: ModelSpec, features: FeatureSpec, values: NDArray[Any], place: str) -> None:
    if not np.isnan(values.min(initial=0)):
        return
    name = features.names[int(np.isnan(values).any(axis=0).argmax())]
    raise SchemaError(
        f"{spec.name} takes no missing values",
        received=f"NaN in {name}, {place}",
        expected="numbers",
        hint="Set clean.missing to 'constant', 'mean', 'median', 'mode' or 'knn' and shard again",
    )
