"""What every model that is not a network offers, whatever its library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import TrainingError
from etl.shards import ShardSet


@dataclass(frozen=True)
class Fit:
    """What one fit learns from, and with what.

    Args:
        eras: whose rows are learned from.
        target: the column learned.
        watched: newer eras, purged from `eras`, whose CORR says when to stop; empty for a fit of a
            fixed length, and for models that watch none.
        seed: of everything random in the fit.
        threads: at most, 1 or more.
        length: trees or rounds where earlier folds have chosen them; None where the parameters or
            the watched eras decide.
        device: `auto`, `cpu`, `gpu` or GPUs by number such as `gpu:0`, for models that can use one.
        start: the folder of a fitted model of the same kind that the fit goes on from; None to
            begin anew.
        purge: eras that a label may touch, for models that divide their training eras themselves.
    """

    eras: tuple[str, ...]
    target: str
    watched: tuple[str, ...] = ()
    seed: int = 0
    threads: int = 1
    length: int | None = None
    device: str = "auto"
    start: Path | None = None
    purge: int = 0


@dataclass(frozen=True)
class Course:
    """How a watched fit went.

    Args:
        history: one list a metric, an entry a round; `val_corr` is the mean CORR of the watched
            eras.
        best: the round (from 1) that is kept.
        value: the watched metric there.
    """

    history: Mapping[str, list[float]] = field(default_factory=dict)
    best: int | None = None
    value: float | None = None


class Estimator(Protocol):
    """Fits straight from shards, predicts raw features, keeps itself in a native format."""

    def fit(self, data: ShardSet, fit: Fit) -> Course | None:
        """Learn from the rows of `fit.eras` whose target is resolved, each by its weight.

        Returns:
            The course of a fit that watched eras, else None.

        Raises:
            TrainingError: no row counts, or there are weights that the model cannot take.
        """

    def predict(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (rows,) for raw features (rows, F)."""

    def save(self, folder: Path) -> None:
        """Write the model's files into `folder`."""

    def load(self, folder: Path) -> None:
        """Read back what `save` wrote."""


def nothing_to_learn(target: str) -> TrainingError:
    """The error of a fit without a single row that counts."""
    return TrainingError("no row has a resolved target", received=target)


def not_fitted() -> TrainingError:
    """The error of a model that is used before it is fitted or loaded."""
    return TrainingError("the model is not fitted")
