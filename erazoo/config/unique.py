"""The unique version of the ensemble."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from erazoo.config.base import Section


def _figure(value: float | str) -> float | str:
    if isinstance(value, str) and not re.fullmatch(r"\d*\.?\d+x?", value):
        raise ValueError("a wish is a number, or a share of the start such as '0.7x'")
    return value


Figure = Annotated[float | str, AfterValidator(_figure)]
"""A number, or a share of where something starts, such as `0.7x`."""


class SegmentEntry(Section):
    """Rows high in one group of features are shifted by another's rank.

    An entry of the array `[[ensemble.unique.segments]]`.

    Within the era, a row's place in a segment is its mean rank in the features of the group. The
    `share` of rows that stand highest in `high` are shifted by `factor` times their rank in `by`,
    and clipped to [0, 1].
    """

    high: str
    by: str
    factor: float = Field(0.03, allow_inf_nan=False)
    share: float = Field(1 / 3, gt=0, lt=1)

    @field_validator("factor")
    @classmethod
    def _moves(cls, value: float) -> float:
        if value == 0:
            raise ValueError("a factor of 0 shifts nothing")
        return value


class UniqueSection(Section):
    """The second version of the ensemble, which adds what the meta model lacks.

    `way` is what is changed until the wish is met: `neutralise` takes off what is linear in `to`
    (feature sets or groups, `features` for all, benchmark columns, `benchmarks` for all, or
    `meta_model`, for which a stand-in is learned, since it is not known while rows are live);
    `segments` applies the shifts of `segments` with a common strength; `weights` moves the weights
    along the frontier from CORR to MMC and on to distance. `to` is empty for the meta model where
    it is known in enough eras, else the benchmark, else all features.
    The wish is `correlation` with `against` (a reference; empty: the meta model, else the
    benchmark), or `exposure`, the largest one to the features of `exposed`: a number, or a share
    of where the standard ensemble starts, such as `"0.7x"`. `amount` is a change without a wish:
    the proportion, 0 to 1; what the factors of the segments are multiplied by; or the way along
    the frontier, -1 (CORR) to 1 (distance). With none of the three, segments are shifted by their
    factors as they are, and otherwise the wish is 0.7 times the correlation, or without any
    reference 0.7 times the exposure. `stand_in` names the feature sets or groups that the stand-in
    reads beside benchmarks and members (empty: all features where they are no more than 1,000,
    else none).
    """

    enabled: bool = True
    way: Literal["neutralise", "segments", "weights"] = "neutralise"
    to: tuple[str, ...] = ()
    correlation: Figure | None = None
    against: str = ""
    exposure: Figure | None = None
    exposed: str = "features"
    amount: float | None = Field(None, allow_inf_nan=False)
    segments: tuple[SegmentEntry, ...] = ()
    stand_in: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_wish(self) -> Self:
        given = [self.correlation, self.exposure, self.amount]
        if sum(value is not None for value in given) > 1:
            raise ValueError("`correlation`, `exposure` and `amount` are three goals; give one")
        if (self.way == "segments") != bool(self.segments):
            raise ValueError("the way 'segments', and only that, needs ensemble.unique.segments")
        if self.way != "neutralise" and (self.to or self.stand_in):
            raise ValueError("`to` and `stand_in` belong to the way 'neutralise'")
        if self.exposure is not None and self.against:
            raise ValueError("`against` names what a correlation is taken with, not an exposure")
        return self
