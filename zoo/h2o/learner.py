"""What H2O is asked to learn from, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import Field
from typing_extensions import override

from zoo.catalogue import Params

Metric = Literal["RMSE", "MAE", "deviance"]
Algorithm = Literal["DRF", "GLM", "XGBoost", "GBM", "DeepLearning", "StackedEnsemble"]


class H2OParams(Params):
    """What every model on an H2O server has.

    Args:
        memory_mb: of the server's Java heap, in MiB.
        max_runtime_seconds: after which H2O stops a model where it is; 0 for no limit. A model that
            was stopped by the clock is not the same on the next machine.
    """

    memory_mb: int = Field(4096, ge=512)
    max_runtime_seconds: int = Field(0, ge=0)


class WatchingParams(H2OParams):
    """A model that may stop early.

    Args:
        stopping_rounds: scoring rounds without a better moving average of the watched eras' RMSE
            after which it stops; 0 to take its full length and learn from those eras too.
        stopping_tolerance: the share by which a round must be better.
    """

    stopping_rounds: int = Field(0, ge=0)
    stopping_tolerance: float = Field(1e-4, ge=0)

    @property
    @override
    def watches(self) -> bool:
        return self.stopping_rounds > 0


@dataclass(frozen=True)
class Frames:
    """Frames on the server, and what their columns are.

    Args:
        training: H2O's frame.
        watched: another one for early stopping, None for a fit of a fixed length.
        features: columns that are learned from.
        target: the column that is learned.
        weights: the column of weights, None where rows count alike.
        folds: the column of folds, None where there is none.
    """

    training: Any
    watched: Any
    features: tuple[str, ...]
    target: str
    weights: str | None = None
    folds: str | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """What H2O's `train` calls them."""
        return {
            "x": list(self.features),
            "y": self.target,
            "training_frame": self.training,
            "weights_column": self.weights,
        }


@dataclass(frozen=True)
class Learned:
    """What came of a fit.

    Args:
        model: H2O's model, to be exported as a MOJO.
        leaderboard: a row a model, best first, by metric; empty where there was one model.
        history: one list a metric, an entry a scoring round.
        length: trees or epochs of the model, None where it has none.
        value: the watched RMSE at that length.
    """

    model: Any
    leaderboard: Sequence[Mapping[str, Any]] = ()
    history: Mapping[str, list[float]] = field(default_factory=dict)
    length: int | None = None
    value: float | None = None


class Learner(Protocol):
    """What `build` of a spec in the family `h2o` makes; it needs a server when it learns."""

    def learn(self, frames: Frames) -> Learned:
        """Train on the server."""


@dataclass(frozen=True)
class Single:
    """One of H2O's estimators.

    Args:
        estimator: the untrained one.
        length: the column of its scoring history that says how long it has learned, if any.
        keeps_best: whether a watched fit keeps what was best, not what was last.
    """

    estimator: Any
    length: str = ""
    keeps_best: bool = False

    def learn(self, frames: Frames) -> Learned:
        """Train it; where eras are watched, their RMSE is its history."""
        self.estimator.train(**frames.columns, validation_frame=frames.watched)
        if frames.watched is None or not self.length:
            return Learned(self.estimator)
        course = self.estimator.scoring_history()
        names = {"rmse": "training_rmse", "val_rmse": "validation_rmse"}
        course = course[course["validation_rmse"].notna()]
        history = {name: course[column].astype(float).tolist() for name, column in names.items()}
        errors = history["val_rmse"]
        kept = errors.index(min(errors)) if self.keeps_best else len(errors) - 1
        length = max(1, round(float(course[self.length].iloc[kept])))
        return Learned(self.estimator, (), history, length, errors[kept])


def stopping(params: WatchingParams, length: int | None) -> dict[str, Any]:
    """The options of early stopping; a fit of a fixed length has none."""
    rounds = 0 if length is not None else params.stopping_rounds
    return {
        "stopping_rounds": rounds,
        "stopping_metric": "RMSE",
        "stopping_tolerance": params.stopping_tolerance,
        "max_runtime_secs": params.max_runtime_seconds,
    }


def strongest(frames: Frames, count: int) -> list[str]:
    """The features that correlate most with the target, by size; constant ones come last."""
    names = list(frames.features)
    table = frames.training[names].cor(frames.training[frames.target], use="complete.obs")
    rows = table.as_data_frame(use_pandas=False)[1:]
    values = [abs(float(row[0])) if row and row[0] else math.nan for row in rows]
    sizes = [value if math.isfinite(value) else -1.0 for value in values]
    order = sorted(range(len(names)), key=lambda j: (-sizes[j], j))
    return [names[j] for j in order[:count]]
