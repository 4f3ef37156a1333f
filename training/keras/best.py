"""Keeps the weights of the best epoch, with a record of it, and stops when none follows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
from typing_extensions import override

from erazoo.errors import TrainingError
from erazoo.publish import atomic_file, read_json, write_json
from training.keras.monitor import Monitor

RECORD = "best_epoch.json"


class BestEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves weights whenever the monitor improves and stops the fit when it no longer does.

    The record names the weights it belongs to and is replaced after they are complete, so that a
    fit killed at any moment leaves a record and weights of the same epoch.

    Args:
        monitor: what is watched.
        patience: epochs without improvement after which the fit stops; 0 counts as 1.
        folder: where the record and the weights lie.
    """

    def __init__(self, monitor: Monitor, patience: int, folder: Path) -> None:
        super().__init__()
        self.monitor, self.patience, self.folder = monitor, max(patience, 1), folder
        self.history: dict[str, list[float | None]] = {}

    @override
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Judge the epoch that ended; epochs count from 1 in the record."""
        measured, number = dict(logs or {}), epoch + 1
        for name, value in measured.items():
            self.history.setdefault(name, []).append(value if math.isfinite(value) else None)
        if self.monitor.better(number, self.monitor.read(measured)):
            self._keep(number)
        elif number - (self.monitor.epoch or 0) >= self.patience:
            self.model.stop_training = True

    def restore(self) -> None:
        """Load the best epoch's weights into the model.

        Raises:
            TrainingError: the monitor was NaN in every epoch.
        """
        if self.monitor.epoch is None:
            raise TrainingError(
                f"{self.monitor.name} was not a number in any epoch",
                received=f"{len(self.history[self.monitor.name])} epochs",
                hint="Lower the learning rate, or look for a constant prediction",
            )
        self.model.load_weights(self.folder / read_json(self.folder / RECORD)["weights"])

    def _keep(self, epoch: int) -> None:
        weights = self.folder / f"epoch-{epoch:04d}.weights.h5"
        with atomic_file(weights) as temporary:
            self.model.save_weights(temporary)
        write_json(self.folder / RECORD, self._record(epoch, weights))
        for older in self.folder.glob("epoch-*.weights.h5"):
            if older != weights:
                older.unlink()

    def _record(self, epoch: int, weights: Path) -> dict[str, Any]:
        return {
            "epoch": epoch,
            "monitor": self.monitor.name,
            "higher_is_better": self.monitor.higher,
            "value": self.monitor.value,
            "weights": weights.name,
            "history": self.history,
        }
