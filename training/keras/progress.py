"""How far a fit is, for whoever shows it: a small file that is replaced as the fit goes on."""

from __future__ import annotations

import math
import time
from pathlib import Path

import keras
from typing_extensions import override

from erazoo.publish import atomic_file, json_text
from training.keras.best import BestEpoch
from training.keras.pace import Pace
from training.progress import RECORD, FitProgress

EVERY_SECONDS = 0.5


class Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps `progress.json` in the fit's folder; it goes when the fit ends.

    A fit is a process of its own, perhaps on another machine, and other fits write to the same
    terminal; so the command shows the progress of all of them, from these files.

    Args:
        folder: of the fit.
        name: of the fit.
        epochs: at most.
        steps: of an epoch.
        pace: gives the throughput.
        best: gives the best epoch so far, None where nothing is watched.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        epochs: int,
        steps: int,
        *,
        pace: Pace,
        best: BestEpoch | None,
    ) -> None:
        super().__init__()
        self.file, self.pace, self.best = folder / RECORD, pace, best
        self.state = FitProgress(name=name, epochs=epochs, steps=steps)
        self._written = -math.inf

    @override
    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Show the fit from its first step on."""
        self._write()

    @override
    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Count the steps; the first one has taken the time to compile."""
        self.state.step = batch + 1
        if batch == 0 or time.monotonic() - self._written >= EVERY_SECONDS:
            self._write()

    @override
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note what the epoch measured."""
        state = self.state
        state.epoch, state.step = epoch + 1, 0
        state.rows_per_second = round(self.pace.rows_per_second)
        for name, value in (logs or {}).items():
            state.history.setdefault(name, {})[state.epoch] = (
                float(value) if math.isfinite(value) else None
            )
        if self.best is not None and self.best.monitor.epoch is not None:
            watched = self.best.monitor
            state.best = {"epoch": watched.epoch, "value": watched.value, "monitor": watched.name}
        self._write()

    @override
    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Take the fit off the screen."""
        self.file.unlink(missing_ok=True)

    def _write(self) -> None:
        self._written = time.monotonic()
        with atomic_file(self.file, durable=False) as temporary:
            temporary.write_text(json_text(vars(self.state)), encoding="utf-8")
