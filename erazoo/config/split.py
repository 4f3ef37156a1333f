"""Folds over eras."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from erazoo.config.base import Section

EraShare = int | float | str | None


class SplitSection(Section):
    """Purged folds over eras (`etl/splits.py`).

    The scheme `fixed` is one fold: `train`, `validation` and `test` (held out) each name their
    eras by a selection such as `1..574`, a share of the resolved eras (0.7) or a count (400),
    counted from the oldest on. `purge` (default: the target's horizon in eras plus `margin`) and
    `embargo` count ORIGINAL eras; an embargo follows validation eras, so it matters to k-fold and
    combinatorial folds alone. `held_out` is the share of resolved eras, the newest, that only
    `evaluate --final` opens (with `fixed`, `test` says which).
    `eras` selects training eras: `all`, `even`, `odd`, `every:N`, `A..B` or labels; a comma joins,
    `&` intersects, as in `1..574&every:4`.
    """

    scheme: Literal["expanding", "rolling", "kfold", "combinatorial", "fixed"] = "expanding"
    folds: int = Field(4, ge=1, le=100)
    first_train: float = Field(0.5, gt=0, lt=1)
    test_folds: int = Field(2, ge=1)
    margin: int = Field(4, ge=1)
    purge: int | None = Field(None, ge=0)
    embargo: int = Field(0, ge=0)
    held_out: float = Field(0.15, ge=0, lt=0.9)
    eras: str = "all"
    train: EraShare = None
    validation: EraShare = None
    test: EraShare = None

    @model_validator(mode="after")
    def _fewer_test_folds(self) -> Self:
        if self.scheme == "combinatorial" and self.test_folds >= self.folds:
            raise ValueError("split.test_folds must be fewer than split.folds")
        return self

    @model_validator(mode="after")
    def _parts_of_fixed(self) -> Self:
        parts = (self.train, self.validation, self.test)
        if self.scheme == "fixed" and (self.train is None or self.validation is None):
            raise ValueError("split.scheme 'fixed' needs split.train and split.validation")
        if self.scheme != "fixed" and any(part is not None for part in parts):
            raise ValueError("split.train, validation and test belong to split.scheme 'fixed'")
        shares = [part for part in parts if isinstance(part, float)]
        if any(not 0 < share < 1 for share in shares) or sum(shares) > 1 + 1e-9:
            raise ValueError("shares of eras lie between 0 and 1 and sum up to 1 at most")
        if any(isinstance(part, int) and part < 1 for part in parts):
            raise ValueError("a count of eras is at least 1")
        return self
