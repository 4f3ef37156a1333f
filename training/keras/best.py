"""Keeps the weights of the best epoch, with a record of it, and stops when none follows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
from typing_extensions import override

from erazoo.errors import TrainingError
from erazoo.publish import atomic_file, read_json, write_json
from training.keras.monitor import Monitor
from training.keras.record import RECORD as RECORD


class BestEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves weights whenever the monitor improves and stops the fit when it no longer does.

    The record names the weights it belongs to and is replaced after they are complete, so that a
    fit killed at any moment leaves a record and weights of the same epoch.

    Args:
        monitor: what is watched.
        patience: epochs without progress after which the fit stops; 0 counts as 1.
        folder: where the record and the weights lie.
        network: whose weights are kept; None for those of the model that is fitted.
    """

    def __init__(self, monitor: Monitor, patience: int, folder: Path, network: Any = None) -> None:
        super().__init__()
        self._network = network
        self.monitor, self.patience, self.folder = monitor, max(patience, 1), folder
        self.history: dict[str, list[float | None]] = {}
        self._weights: Path | None = None

    @override
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Judge the epoch that ended; epochs count from 1 in the record."""
        measured, number = dict(logs or {}), epoch + 1
        for name, value in measured.items():
            self.history.setdefault(name, []).append(value if math.isfinite(value) else None)
        if self.monitor.better(number, self.monitor.read(measured)):
            self._keep(number)
        elif self._weights is not None:
            write_json(self.folder / RECORD, self._record())
        if self.monitor.stale(number) >= self.patience:
            self.model.stop_training = True

    def resume(self, history: Mapping[str, Sequence[float]]) -> bool:
        """Go on after the epochs of `history`; False where what was kept of them is gone.

        A record that is further on than the history keeps its place: its epoch comes again, and
        is not better than itself.
        """
        self.monitor.replay(history[self.monitor.name])
        self.history = {
            name: [float(v) if math.isfinite(v) else None for v in values]
            for name, values in history.items()
        }
        try:
            record = read_json(self.folder / RECORD)
            self._weights = self.folder / record["weights"]
            self.monitor.better(record["epoch"], record["value"])
        except FileNotFoundError:
            return self.monitor.epoch is None
        return self._weights.is_file() and self.monitor.epoch == record["epoch"]

    def restore(self) -> None:
        """Load the best epoch's weights again.

        Raises:
            TrainingError: the monitor was NaN in every epoch.
        """
        if self.monitor.epoch is None:
            raise TrainingError(
                f"{self.monitor.name} was not a number in any epoch",
                received=f"{len(self.history[self.monitor.name])} epochs",
                hint="Lower the learning rate, or look for a constant prediction",
            )
        self._kept.load_weights(self.folder / read_json(self.folder / RECORD)["weights"])

    @property
    def _kept(self) -> Any:
        return self.model if self._network is None else self._network

    def _keep(self, epoch: int) -> None:
        weights = self.folder / f"epoch-{epoch:04d}.weights.h5"
        with atomic_file(weights) as temporary:
            self._kept.save_weights(temporary)
        self._weights = weights
        write_json(self.folder / RECORD, self._record())
        for older in self.folder.glob("epoch-*.weights.h5"):
            if older != weights:
                older.unlink()

    def _record(self) -> dict[str, Any]:
        return {
            "epoch": self.monitor.epoch,
            "monitor": self.monitor.name,
            "higher_is_better": self.monitor.higher,
            "value": self.monitor.value,
            "weights": self._weights.name if self._weights else None,
            "history": self.history,
        }
