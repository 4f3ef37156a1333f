"""Step sizes by the number of the step."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops
from typing_extensions import override

from zoo.keras.params import NetworkParams

RISE = 0.3
FIRST, LAST = 1 / 25, 1e-4
"""Rates of a cycle's two ends, as shares of its top."""


def learning_rate(params: NetworkParams, steps: int, epochs: int) -> Any:
    """What keras takes as a learning rate: a number, or a schedule.

    Args:
        params: the recipe.
        steps: an epoch.
        epochs: that the schedule goes over.
    """
    options, top = params.schedule, params.learning_rate
    every = steps * epochs
    rising = min(round(options.warmup * every), every - 1)
    schedules = keras.optimizers.schedules
    if options.kind == "cosine":
        rate = schedules.CosineDecay(
            0.0 if rising else top,
            every - rising,
            alpha=options.final,
            warmup_target=top if rising else None,
            warmup_steps=rising,
        )
    elif options.kind == "one_cycle":
        rate = OneCycle(top, every, options.warmup or RISE)
    elif options.kind == "exponential":
        rate = schedules.ExponentialDecay(top, steps, options.factor)
    elif options.kind == "step":
        rate = schedules.ExponentialDecay(top, steps * options.every, options.factor, True)
    else:
        rate = top
    return rate


@keras.saving.register_keras_serializable(package="erazoo")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Up from top / 25 and down to top / 10,000, both by half a cosine.

    Args:
        top: the highest rate.
        steps: of the whole cycle.
        rise: share of them in which the rate rises.
    """

    def __init__(self, top: float, steps: int, rise: float = RISE) -> None:
        super().__init__()
        self.top, self.steps, self.rise = top, steps, rise

    @override
    def __call__(self, step: Any) -> Any:
        """The rate of a step, from 0 on; after the last one it stays."""
        done = ops.cast(step, "float32") / max(self.steps - 1, 1)
        up = _between(FIRST, 1.0, done / self.rise)
        down = _between(1.0, LAST, (done - self.rise) / (1 - self.rise))
        return self.top * ops.where(done < self.rise, up, down)

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        return {"top": self.top, "steps": self.steps, "rise": self.rise}


def _between(first: float, last: float, share: Any) -> Any:
    """Along half a cosine from `first` to `last`."""
    inside = ops.clip(share, 0.0, 1.0)
    return last + (first - last) * (1 + ops.cos(math.pi * inside)) / 2
