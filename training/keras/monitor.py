"""The question every watcher of a fit asks: is this value better than the best so far?"""

from __future__ import annotations

import math

from erazoo.errors import TrainingError

HIGHER_IS_BETTER = {"val_loss": False, "val_corr": True}


class Monitor:
    """The best value of one metric so far, and its epoch.

    NaN is never better, and a tie keeps the earlier epoch.

    >>> monitor = Monitor("val_loss")
    >>> [monitor.better(epoch, value) for epoch, value in enumerate((3.0, 3.0, 2.0), start=1)]
    [True, False, True]
    """

    def __init__(self, name: str) -> None:
        self.name, self.higher = name, HIGHER_IS_BETTER[name]
        self.epoch: int | None = None
        self.value: float | None = None

    def read(self, logs: dict[str, float]) -> float:
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
        if math.isnan(value):
            return False
        if self.value is not None:
            ahead = value > self.value if self.higher else value < self.value
            if not ahead:
                return False
        self.epoch, self.value = epoch, value
        return True
