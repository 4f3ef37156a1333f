"""The rules of a group of features with everything that was learned for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.config.schema import CleanRules
from etl.cleaning.missing import Fill, any_missing, fill_of, missing_mask
from etl.cleaning.outliers import Detector, Limits, detector_of, limits_of
from etl.cleaning.rules import RuleGroup


@dataclass(frozen=True)
class FittedGroup:
    """A group's rules, fitted.

    Args:
        group: the rules and their columns.
        fill: what takes the place of missing values.
        detector: finds outlying values, None where none are looked for.
        limits: what they are set to, None where they stay.
        indicated: columns that get an indicator of missing values.
    """

    group: RuleGroup
    fill: Fill
    detector: Detector | None = None
    limits: Limits | None = None
    indicated: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def removes(self) -> bool:
        """Whether outlying rows are left out of training."""
        return self.detector is not None and self.group.rules.action == "remove"

    def clean(self, raw: NDArray[Any]) -> None:
        """Clean the group's columns of raw features (n, F), in place."""
        for strip in self._strips(raw):
            part = strip[:, self.group.selection]
            if self._clean(part) and not isinstance(self.group.selection, slice):
                strip[:, self.group.selection] = part

    def outlying(self, raw: NDArray[Any]) -> NDArray[np.bool_]:
        """Rows (n,) of raw features (n, F) that are outlying."""
        if self.detector is None:
            return np.zeros(len(raw), dtype=bool)
        share, columns = self.group.rules.outlying_share, self.group.selection
        found = [self.detector.rows(strip[:, columns], share) for strip in self._strips(raw)]
        return np.concatenate([np.empty(0, dtype=bool), *found])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Columns and everything learned, by name."""
        parts = [part.arrays() for part in (self.fill, self.detector, self.limits) if part]
        found = {"columns": self.group.columns, "indicated": self.indicated}
        return {name: values for part in (found, *parts) for name, values in part.items()}

    @classmethod
    def of(cls, name: str, rules: CleanRules, arrays: Mapping[str, NDArray[Any]]) -> FittedGroup:
        """The inverse of `arrays`."""
        return cls(
            RuleGroup(name, rules, arrays["columns"]),
            fill_of(rules, arrays),
            detector_of(arrays),
            limits_of(arrays),
            arrays["indicated"],
        )

    def _clean(self, part: NDArray[Any]) -> bool:
        """Clean the group's columns (n, k) in place; whether anything was to be cleaned."""
        changed = False
        if self.limits is not None and self.detector is not None:
            found = self.detector.found(part)
            if changed := bool(found.any()):
                self.limits.pull(part, found)
        if self.fill.leaves or not any_missing(part):
            return changed
        self.fill.fill(part, missing_mask(part))
        return True

    def _strips(self, raw: NDArray[Any]) -> Iterator[NDArray[Any]]:
        for start in range(0, len(raw), self.fill.strip_rows):
            yield raw[start : start + self.fill.strip_rows]
