"""Missing values and centre codes, counted era by era and group by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.panel import MISSING_QUINTILE, EraBlock, FeatureSpec
from etl.grids import MISSING

STRIP_ROWS = 255
"""Rows that are counted at a time: as many as a byte can count."""
MEASURES = ("missing", "centre", "empty")
WHOLE = "(all)"
"""All features, where no group names them."""
DIGITS = 6


@dataclass(frozen=True)
class Marks:
    """How missing values are told apart in the blocks of a panel.

    Args:
        code: the code of missing quintiles, None where no code stands for that alone.
        told: (F,) features whose missing values are told apart from others.
        indicators: (F,) columns that are 1 where a feature was missing.
        indicated: (k,) the columns of these features, in the order of their indicators.
    """

    code: int | None
    told: NDArray[np.bool_]
    indicators: NDArray[np.bool_]
    indicated: NDArray[np.int64]

    @classmethod
    def raw(cls, spec: FeatureSpec) -> Marks:
        """Of features as they are read from tables."""
        every = np.ones(len(spec.names), dtype=bool)
        code = MISSING if spec.dtype == np.int8 else None
        return cls(code, every, ~every, np.empty(0, dtype=np.int64))

    @property
    def filled(self) -> int:
        """Features whose missing values were filled and left no trace."""
        return int((~self.told & ~self.indicators).sum())


class GapCounts:
    """Counts what is missing in each era, and what may be.

    Three shares by era and group: `missing`, of values that are missing and told apart; `centre`,
    of quintiles with the code 2; `empty`, of features that tell nothing in an era, because each of
    its rows is missing or has the code 2. Each is a mean over the features of the group of which
    it can be known; a group without any has no share. Indicators of missing values tell where
    their features were missing, and are no features themselves.

    Memory: three counts a feature, and the shares.

    Args:
        spec: the features of the blocks.
        marks: how missing values are told apart in them.
    """

    def __init__(self, spec: FeatureSpec, marks: Marks) -> None:
        self._marks = marks
        self._quintiles = spec.dtype == np.int8
        self._groups = groups_of(spec)
        self._members = _members(spec, self._groups)
        self._shares: dict[str, list[NDArray[np.float64]]] = {name: [] for name in MEASURES}

    def add(self, block: EraBlock) -> None:
        """Count one whole era."""
        x, marks = block.features, self._marks
        rows, real = len(x), ~marks.indicators
        missing = np.zeros(x.shape[1], dtype=np.int64)
        centre = missing.copy()
        if not self._quintiles:
            missing = _count(x, np.isnan)
        elif marks.code is not None:
            missing = _count(x, lambda strip: strip == marks.code)
        if self._quintiles:
            centre = _count(x, lambda strip: strip == MISSING_QUINTILE)
            self._note("centre", centre / rows, real)
        self._note("empty", missing + centre == rows, real)
        missing[marks.indicated] = _count(x[:, marks.indicators], lambda strip: strip == 1)
        self._note("missing", missing / rows, marks.told & real)

    def shares(self) -> dict[str, dict[str, list[float]]]:
        """By measure and group, a share an era in the order in which these were added."""
        return {
            measure: {
                group: [round(float(era[k]), DIGITS) for era in eras]
                for k, group in enumerate(self._groups)
                if eras and not np.isnan(eras[0][k])
            }
            for measure, eras in self._shares.items()
        }

    def _note(self, measure: str, of_feature: NDArray[Any], known: NDArray[np.bool_]) -> None:
        """Note the mean over the features of each group that are `known`."""
        counted = self._members[:, known]
        width = counted.sum(axis=1)
        sums = counted @ of_feature[known].astype(np.float64)
        share = np.full(len(width), np.nan)
        self._shares[measure].append(np.divide(sums, width, out=share, where=width > 0))


def groups_of(spec: FeatureSpec) -> Mapping[str, tuple[str, ...]]:
    """The groups of a specification, after `WHOLE` where none of them holds all features."""
    if any(len(set(members)) == len(spec.names) for members in spec.groups.values()):
        return spec.groups
    return {WHOLE: spec.names, **spec.groups}


def _members(spec: FeatureSpec, groups: Mapping[str, tuple[str, ...]]) -> NDArray[np.float64]:
    """(G, F): 1 where the group holds the feature."""
    members = np.zeros((len(groups), len(spec.names)))
    for k, names in enumerate(groups.values()):
        members[k, spec.columns(names)] = 1
    return members


def _count(
    x: NDArray[Any], found: Callable[[NDArray[Any]], NDArray[np.bool_]]
) -> NDArray[np.int64]:
    """Rows of each column where `found` holds; a byte a count, which is fastest."""
    total = np.zeros(x.shape[1], dtype=np.int64)
    for low in range(0, len(x), STRIP_ROWS):
        hits = found(x[low : low + STRIP_ROWS]).view(np.uint8)
        total += np.add.reduce(hits, axis=0, dtype=np.uint8)
    return total
