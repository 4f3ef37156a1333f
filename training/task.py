"""What a trainer is given and what it returns, whatever the family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from erazoo.config.schema import TrainingSection

if TYPE_CHECKING:
    from collections.abc import Callable

    from erazoo.panel import FeatureSpec
    from etl.shards import ShardSet
    from zoo.catalogue import ModelSpec, Params

    BlockPredictor = Callable[[NDArray[Any]], NDArray[np.float32]]


STATE = "state"
"""What an unfinished fit goes on from, in its own folder; it goes when the fit is sealed."""
UNFITTING = frozenset({"scored_train_eras", "threads", "tensorboard", "profile", "eras"})
"""Settings of [training] that change no fit, or that its eras tell."""


@dataclass(frozen=True)
class FoldTask:
    """One fit: which eras it learns from and which it may watch.

    The eras that are later predicted and scored are not part of it, so that no trainer can
    select on them.

    Args:
        name: the fold's name, such as `fold-0`, `held_out` or `final`.
        fit: eras whose rows are learned from.
        monitor: newest training eras, purged from `fit`, for early stopping; empty for a fit
            of a fixed length.
        target: the column learned.
        seed: of everything random in this fit.
        settings: the loop around the epochs.
        length: a fixed number of epochs or trees, learned from earlier folds; None where the
            monitor or the parameters decide.
        start: the folder of what the fit begins with: an untrained network, or a fitted estimator
            that it goes on from; None to begin anew.
        purge: eras that a label may touch, for models that divide their training eras themselves.
        known: eras that the fitted estimator in `start` has learned.
    """

    name: str
    fit: tuple[str, ...]
    monitor: tuple[str, ...]
    target: str
    seed: int
    settings: TrainingSection = field(default_factory=TrainingSection)
    length: int | None = None
    start: Path | None = None
    purge: int = 0
    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class FitResult:
    """What a fit found.

    Args:
        history: one list a metric, an entry an epoch; empty for models without epochs.
        best_epoch: the epoch (from 1) whose weights are kept, None without a monitor.
        best_value: the monitor's value there.
        seconds: wall time of the fit.
        members: of a blend, what each of its members took.
    """

    history: dict[str, list[float]]
    best_epoch: int | None
    best_value: float | None
    seconds: float
    members: Sequence[Mapping[str, Any]] = ()


class Trainer(Protocol):
    """Fits a model of one family into a folder, and loads it again to predict."""

    def fit(
        self, spec: ModelSpec, params: Params, data: ShardSet, task: FoldTask, folder: Path
    ) -> FitResult:
        """Fit and write the model's files into `folder`, in the family's native format.

        What lies in the folder is of this very fit, begun and killed; a trainer may go on from it.
        """

    def load(
        self, spec: ModelSpec, params: Params, features: FeatureSpec, folder: Path
    ) -> BlockPredictor:
        """The trained model as a function of raw features (rows, F) -> (rows,) float32."""


def predict_eras(
    predictor: BlockPredictor, data: ShardSet, eras: Sequence[str]
) -> tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.float32]]:
    """Predict `eras` era by era: ids, era labels and predictions, each (n,)."""
    ids, labels, values = [], [], []
    for block in data.blocks(eras):
        ids.append(block.ids)
        labels.append(np.full(len(block), block.era, dtype=object))
        values.append(np.asarray(predictor(block.features), dtype=np.float32))
    return np.concatenate(ids), np.concatenate(labels), np.concatenate(values)
