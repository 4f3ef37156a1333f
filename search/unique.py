"""`--unique-below`: of the best configurations those whose predictions are not alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError
from scoring.similarity import rank_correlation
from search.predictions import PredictionFile, stretches
from search.scores import Mined

BLOCK = 32
"""Candidates that are looked at together."""


@dataclass(frozen=True)
class Diverse:
    """A subset of which no two are alike.

    Attributes:
        kept: ids, in the order in which they were offered.
        dropped: ids, each with the kept one that it is most alike, and the correlation with it.
        undefined: ids whose correlation with a kept one is undefined (constant predictions).
        left: ids that were not looked at, because enough were kept before.
    """

    kept: tuple[str, ...]
    dropped: dict[str, tuple[str, float]]
    undefined: tuple[str, ...]
    left: tuple[str, ...]


def unique_subset(
    mined: Mined, ids: Sequence[str], below: float, most: int | None = None
) -> Diverse:
    """Keep a configuration where its correlation with each one kept before is lower than a limit.

    Correlations are means over the validation eras of those of ranks. Memory: 512 MB of
    predictions, whatever the number of configurations.

    Args:
        mined: the study.
        ids: of configurations, the best first.
        below: the limit.
        most: how many to keep.

    Raises:
        ConfigError: a limit outside -1 to 1.
        StaleDataError: an id that the study does not have.
    """
    if not -1 < below <= 1:
        raise ConfigError(
            "a limit of correlation is out of range", received=below, expected="-1 to 1"
        )
    slots = {one.id: one.slot for _, one in mined.configurations}
    missing = [one for one in ids if one not in slots]
    if missing:
        mined.find(missing[0])
    search = _Search(mined, slots, below)
    wanted = len(ids) if most is None else most
    place = 0
    while place < len(ids) and len(search.kept) < wanted:
        block = list(ids[place : place + BLOCK])
        place += search.look(block, wanted)
    return Diverse(tuple(search.kept), search.dropped, tuple(search.undefined), tuple(ids[place:]))


class _Search:
    """What was kept so far."""

    def __init__(self, mined: Mined, slots: dict[str, int], below: float) -> None:
        self.slots, self.below = slots, below
        self.rows, self.slices = mined.rows.validation
        self.file = PredictionFile(mined.folder.predictions, len(mined.rows))
        self.kept: list[str] = []
        self.dropped: dict[str, tuple[str, float]] = {}
        self.undefined: list[str] = []

    def look(self, block: list[str], wanted: int) -> int:
        """Look at candidates, until enough are kept; how many were looked at."""
        before, held = list(self.kept), [*self.kept, *block]
        alike = np.full((len(block), len(held)), np.nan)
        own = self._read([self.slots[one] for one in block])
        alike[:, len(before) :] = self._alike(own)
        for chunk in stretches(range(len(before)), len(self.rows)):
            theirs = self._read([self.slots[before[k]] for k in chunk])
            both = self._alike(np.hstack([theirs, own]))
            alike[:, list(chunk)] = both[len(chunk) :, : len(chunk)]
        place = {one: k for k, one in enumerate(held)}
        for done, (one, row) in enumerate(zip(block, alike, strict=True)):
            if len(self.kept) >= wanted:
                return done
            self._judge(one, row[place[one]], row[[place[k] for k in self.kept]])
        return len(block)

    def _judge(self, one: str, itself: float, others: NDArray[np.float64]) -> None:
        if np.isnan(itself) or np.isnan(others).any():
            self.undefined.append(one)
            return
        nearest = int(others.argmax()) if len(others) else 0
        if len(others) and others[nearest] >= self.below:
            self.dropped[one] = (self.kept[nearest], float(others[nearest]))
        else:
            self.kept.append(one)

    def _read(self, slots: Sequence[int]) -> NDArray[np.float32]:
        return self.file.read(slots, self.rows)

    def _alike(self, columns: NDArray[np.float32]) -> NDArray[np.float64]:
        return rank_correlation(columns, self.slices)
