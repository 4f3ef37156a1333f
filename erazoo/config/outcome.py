"""What is done with predictions: scored, written, submitted."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from erazoo.config.base import Section


class EvaluateSection(Section):
    """What predictions are scored against, and which scores raise an alarm (`erazoo evaluate`).

    `target` is scored on (empty: `data.target`). `against` names columns of the meta model and of
    benchmarks to compare with (empty: those of [data]); BMC is taken against the first benchmark.
    `features` are those that FNC and exposures are taken to: a set or group, `none`, or `auto`:
    `fncv3_features` where the data have that set, else all where they are no more than 1,000.
    `clone` is the mean per-era rank correlation with a benchmark or the meta model from which on a
    candidate counts as its copy, `ceiling` the mean CORR above which a leak is suspected (unset:
    0.05 on tournament data, 0.2 on prices). `trials` is how many candidates were tried in all, for
    the deflated Sharpe: at least those that are scored, and on held-out eras all that ever were.
    `terms` is a file of a round's terms for the return that its payouts give.
    """

    target: str = ""
    against: tuple[str, ...] = ()
    features: str = Field("auto", min_length=1)
    clone: float = Field(0.95, gt=0, le=1)
    ceiling: float | None = Field(None, gt=0)
    trials: int | None = Field(None, ge=1)
    terms: str = ""

    @field_validator("against")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a name stands twice")
        return value


class PredictSection(Section):
    """What happens to live predictions (`predict/`)."""

    format: Literal["csv", "parquet"] = "csv"
    neutralize: float = Field(0.0, ge=0, le=1)
    neutralize_to: Literal["features", "benchmark"] = "features"


class SubmitSection(Section):
    """Which of the account's model slots receive the submissions.

    `slot` takes the standard ensemble, `unique_slot` the unique one (empty: it is not uploaded).
    """

    slot: str = ""
    unique_slot: str = ""
    timeout: float = Field(60.0, gt=0)

    @model_validator(mode="after")
    def _two_slots(self) -> Self:
        if self.slot and self.slot == self.unique_slot:
            raise ValueError("a slot takes one submission a round; give the unique one another")
        return self
