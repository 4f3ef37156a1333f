"""The state after the last whole epoch, from which a killed fit goes on as if nothing happened."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from erazoo.logs import LOGGER
from erazoo.publish import atomic_file
from training.keras.averages import Averages

FILE = "last_epoch.npz"


@dataclass(frozen=True)
class State:
    """What a fit was after an epoch.

    Args:
        facts: `key`, what fit it is; `stopped`, whether it was to stop; `seconds`, its wall time.
        history: one list a metric, an entry an epoch.
        variables: of the network, its random states among them, then of the optimizer.
        averaged: weights after each of the last epochs, for their mean.
    """

    facts: Mapping[str, Any]
    history: dict[str, list[float]]
    variables: list[NDArray[Any]]
    averaged: list[list[NDArray[Any]]]

    @property
    def epochs(self) -> int:
        """Whole epochs so far."""
        return len(self.history["loss"])

    def save(self, path: Path) -> None:
        """Replace the file in one step."""
        facts = {**self.facts, "history": self.history, "averaged": len(self.averaged)}
        arrays = [*self.variables, *(array for weights in self.averaged for array in weights)]
        with atomic_file(path) as temporary:
            np.savez(temporary, np.array(json.dumps(facts)), *arrays)

    @classmethod
    def load(cls, path: Path, key: str) -> State | None:
        """The state of the fit `key`; None where there is none that can be used."""
        try:
            with np.load(path, allow_pickle=False) as file:
                facts = json.loads(str(file["arr_0"]))
                arrays = [file[f"arr_{number}"] for number in range(1, len(file.files))]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            LOGGER.warning("the state %s cannot be read (%s); the fit begins anew", path, error)
            return None
        if facts.pop("key") != key:
            return None
        return cls._of(key, facts, arrays)

    @classmethod
    def _of(cls, key: str, facts: dict[str, Any], arrays: list[NDArray[Any]]) -> State:
        history, averaged, weights = (facts.pop(k) for k in ("history", "averaged", "weights"))
        first = len(arrays) - averaged * weights
        parts = [arrays[first + k * weights : first + (k + 1) * weights] for k in range(averaged)]
        return cls({**facts, "key": key, "weights": weights}, history, arrays[:first], parts)


def variables(learner: Any) -> list[Any]:
    """All that changes in training: weights, statistics, random states and the optimizer's."""
    return [*learner.network.variables, *learner.optimizer.variables]


class LastEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    """Gathers the history of a fit and saves its state after every epoch; it comes last.

    Args:
        path: of the state's file.
        key: what fit it is; the state of another is never gone on from.
        averages: whose memory belongs to the state.
    """

    def __init__(self, path: Path, key: str, averages: Averages) -> None:
        super().__init__()
        self.path, self.key, self.averages = path, key, averages
        self.history: dict[str, list[float]] = {}
        self.stopped, self.epochs = False, 0
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall time of the fit, that before an interruption included."""
        return time.monotonic() - self._begun

    def resume(self, state: State, learner: Any) -> None:
        """Give the learner its state back; its optimizer is built."""
        for variable, value in zip(variables(learner), state.variables, strict=True):
            variable.assign(value)
        self.averages.resume(state.averaged)
        self.history, self.epochs = state.history, state.epochs
        self.stopped = bool(state.facts["stopped"])
        self._begun -= float(state.facts["seconds"])

    @override
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self.epochs, self.stopped = epoch + 1, bool(self.model.stop_training)
        facts = {
            "key": self.key,
            "stopped": self.stopped,
            "seconds": self.seconds,
            "weights": len(self.model.network.weights),
        }
        values = [variable.numpy() for variable in variables(self.model)]
        State(facts, self.history, values, list(self.averages.last)).save(self.path)
