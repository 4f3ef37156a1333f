"""How fast a fit goes through its rows."""

from __future__ import annotations

import time

import keras
from typing_extensions import override


class Pace(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures the rows a second of every epoch, without the validation behind it.

    Args:
        rows: that an epoch trains on.

    Attributes:
        rows_per_second: of the last epoch, 0 before there is one.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows, self.rows_per_second = rows, 0.0
        self._begun = 0.0
        self._ended: float | None = None

    @override
    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._begun, self._ended = time.perf_counter(), None

    @override
    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Stop it before the validation."""
        self._ended = self._ended or time.perf_counter()

    @override
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stop it where nothing was validated."""
        self._ended = self._ended or time.perf_counter()
        self.rows_per_second = self.rows / (self._ended - self._begun)
