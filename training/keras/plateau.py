"""Lowers the learning rate whenever a monitor stands still."""

from __future__ import annotations

from collections.abc import Iterable

import keras
from typing_extensions import override

from training.keras.monitor import Monitor


class Plateau(keras.callbacks.Callback):  # type: ignore[misc]
    """Multiplies the learning rate after `every` epochs without progress, and again after as many.

    Args:
        monitor: what is watched; its own, since it remembers.
        factor: of the rate.
        every: epochs.
    """

    def __init__(self, monitor: Monitor, factor: float, every: int) -> None:
        super().__init__()
        self.monitor, self.factor, self.every = monitor, factor, every
        self._cut = 0

    @override
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Judge the epoch that ended."""
        if self._falls(epoch + 1, self.monitor.read(logs or {})):
            optimizer = self.model.optimizer
            rate = keras.ops.convert_to_numpy(optimizer.learning_rate)
            optimizer.learning_rate = float(rate) * self.factor

    def resume(self, values: Iterable[float]) -> None:
        """Go on after epochs with these values of the monitor; the rate is the optimizer's."""
        for number, value in enumerate(values, start=1):
            self._falls(number, value)

    def _falls(self, number: int, value: float) -> bool:
        self.monitor.better(number, value)
        if min(self.monitor.stale(number), number - self._cut) < self.every:
            return False
        self._cut = number
        return True
