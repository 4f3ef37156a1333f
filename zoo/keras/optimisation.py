"""How any network learns: its optimizer, the schedule of its steps, and averaged weights."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from zoo.catalogue import Params

FACTOR, EVERY = 0.5, 3
PAST, WINDOW = 0.999, 5
OF_EPOCHS = ("exponential", "step", "plateau")


class ScheduleOptions(Params):
    """How the step size changes from `learning_rate` on, see `zoo.keras.schedules`.

    A schedule goes over `training.epochs` epochs, also in fits that stop before.

    Args:
        kind: `constant`; `cosine`, after a linear warm-up down to `final` (Loshchilov and Hutter
            2017); `exponential`, by `factor` an epoch, step by step; `step`, by `factor` every
            `every` epochs; `one_cycle`, from a 25th up and down to a ten-thousandth (Smith and
            Topin 2018, without its momentum); `plateau`, by `factor` whenever the monitor has
            not improved for `every` epochs, the training loss where nothing is monitored.
        warmup: share of all steps with a rate that rises from 0, of `cosine`; of `one_cycle` the
            share in which it rises, 0 for its usual 0.3.
        final: the last rate as a share of the first, of `cosine`.
        factor: of the rate, see `kind`.
        every: epochs, see `kind`.
    """

    kind: Literal["constant", "cosine", "exponential", "step", "one_cycle", "plateau"] = "constant"
    warmup: float = Field(0.0, ge=0, lt=1)
    final: float = Field(0.0, ge=0, le=1)
    factor: float = Field(FACTOR, gt=0, lt=1)
    every: int = Field(EVERY, ge=1)

    @model_validator(mode="after")
    def _options_of_this_kind(self) -> Self:
        if self.warmup and self.kind not in ("cosine", "one_cycle"):
            raise ValueError(f"warmup is for cosine and one_cycle, not for {self.kind}")
        if self.final and self.kind != "cosine":
            raise ValueError(f"final is for cosine, not for {self.kind}")
        if self.factor != FACTOR and self.kind not in OF_EPOCHS:
            raise ValueError(f"factor is for {', '.join(OF_EPOCHS)}, not for {self.kind}")
        if self.every != EVERY and self.kind not in ("step", "plateau"):
            raise ValueError(f"every is for step and plateau, not for {self.kind}")
        return self


class AverageOptions(Params):
    """Weights that are averaged over steps or epochs, which are validated, kept and saved.

    Args:
        kind: `none`; `ema`, an exponential moving average over steps; `swa`, the plain mean of the
            weights after each of the last `epochs` epochs (Izmailov et al. 2018, over a moving
            window as Kaddour 2022). Statistics of batch normalisation are averaged like weights by
            `swa` and left as they are by `ema`; neither estimates them anew.
        momentum: weight of the past a step, of `ema`.
        epochs: of `swa`.
    """

    kind: Literal["none", "ema", "swa"] = "none"
    momentum: float = Field(PAST, gt=0, lt=1)
    epochs: int = Field(WINDOW, ge=2, le=100)

    @model_validator(mode="after")
    def _options_of_this_kind(self) -> Self:
        if self.momentum != PAST and self.kind != "ema":
            raise ValueError(f"momentum is for ema, not for {self.kind}")
        if self.epochs != WINDOW and self.kind != "swa":
            raise ValueError(f"epochs are for swa, not for {self.kind}")
        return self
