"""The question every watcher of a fit asks: is this value better than the best so far?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from erazoo.errors import TrainingError

HIGHER_IS_BETTER = {"loss": False, "val_loss": False, "val_corr": True, "val_sharpe": True}


class Monitor:
    """The best value of one metric so far, and its epoch.

    What is not a number is never better, and a tie keeps the earlier epoch. Any improvement makes
    an epoch the best; only one of more than `threshold`, over the value that last was one, counts
    as progress.

    >>> monitor = Monitor("val_loss")
    >>> [monitor.better(epoch, value) for epoch, value in enumerate((3.0, 3.0, 2.0), start=1)]
    [True, False, True]
    """

    def __init__(self, name: str, threshold: float = 0.0) -> None:
        self.name, self.higher, self.threshold = name, HIGHER_IS_BETTER[name], threshold
        self.epoch: int | None = None
        self.value: float | None = None
        self.progress: tuple[int, float] | None = None

    def read(self, logs: Mapping[str, float]) -> float:
        """The metric's value among an epoch's results.

        Raises:
            TrainingError: the epoch did not measure it.
        """
        if self.name not in logs:
            raise TrainingError(
                "the monitor was not measured",
                received=", ".join(sorted(logs)),
                expected=self.name,
            )
        return float(logs[self.name])

    def better(self, epoch: int, value: float) -> bool:
        """Whether `value` beats the best so far; if so it becomes the best."""
        if not math.isfinite(value):
            return False
        if self.progress is None or self._gain(value, self.progress[1]) > self.threshold:
            self.progress = epoch, value
        if self.value is not None and self._gain(value, self.value) <= 0:
            return False
        self.epoch, self.value = epoch, value
        return True

    def stale(self, epoch: int) -> int:
        """Epochs since the last progress, all of them where there was none."""
        return epoch - (self.progress[0] if self.progress else 0)

    def replay(self, values: Iterable[float]) -> None:
        """Take in the values of the first epochs."""
        for epoch, value in enumerate(values, start=1):
            self.better(epoch, value)

    def _gain(self, value: float, over: float) -> float:
        return value - over if self.higher else over - value
