"""What a walk will do at each era: known beforehand, because it hangs on positions alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ensemble.nested import LEAST
from erazoo.config.schema import WalkSection
from erazoo.eras import EraAxis
from erazoo.errors import LeakageError


@dataclass(frozen=True)
class Update:
    """The models learn again.

    Args:
        place: of the walked era before which they do.
        new: eras that were resolved since the last update; at the first one, all that may be
            learned.
        window: the newest resolved eras.
    """

    place: int
    new: tuple[str, ...]
    window: tuple[str, ...]


@dataclass(frozen=True)
class WalkPlan:
    """The course of a walk.

    Args:
        eras: (E,) that are walked, in order.
        arriving: all eras that are read: those that are walked or learned.
        learnable: eras that models may learn once they are resolved.
        borders: (E,) how many of `learnable` are resolved when each era is predicted.
        scored: (E,) how many of `eras` are resolved then.
        updates: in order; the first one before the first era.
        keep: resolved eras that are held in memory.
    """

    eras: tuple[str, ...]
    arriving: tuple[str, ...]
    learnable: tuple[str, ...]
    borders: tuple[int, ...]
    scored: tuple[int, ...]
    updates: tuple[Update, ...]
    keep: int

    @classmethod
    def of(
        cls,
        axis: EraAxis,
        eras: Sequence[str],
        learnable: Collection[str],
        purge: int,
        section: WalkSection,
    ) -> WalkPlan:
        """Plan a walk.

        Args:
            axis: every era of the panel.
            eras: that are walked, in order.
            learnable: eras that models may learn.
            purge: an era is resolved for what predicts another one more than `purge` positions
                behind it.
            section: of the configuration.

        Raises:
            LeakageError: fewer than three eras are resolved before the first one.
        """
        last = axis.position(eras[-1])
        known = tuple(e for e in axis.eras if e in learnable and axis.position(e) < last)
        borders = _resolved_before(axis, known, eras, purge)
        if borders[0] < LEAST:
            raise LeakageError(
                "too few eras are resolved before the first one of a walk",
                received=f"{borders[0]} before era {eras[0]}, purge {purge}",
                expected=f"at least {LEAST}",
                hint="Walk behind training eras: split.scheme 'expanding' or 'rolling'",
            )
        updates = _updates(known, borders, section)
        keep = max(section.window, *(len(update.new) for update in updates[1:]), 1)
        first = known[max(0, borders[0] - keep)]
        walked = set(eras)
        arriving = tuple(
            e
            for e in axis.eras
            if axis.position(first) <= axis.position(e) <= last and (e in walked or e in learnable)
        )
        scored = _resolved_before(axis, eras, eras, purge)
        return cls(tuple(eras), arriving, known, borders, scored, updates, keep)

    def held(self, place: int) -> tuple[str, ...]:
        """The eras in memory while the era at a place is predicted, that one last."""
        border, here = self.borders[place], self.eras[place]
        kept = self.learnable[max(0, border - self.keep) : border]
        waiting, later = self.learnable[border:], self.arriving.index(here)
        come = set(self.arriving[:later])
        return (*kept, *(era for era in waiting if era in come), here)

    def update_of(self, place: int) -> int:
        """The number of the update whose models predict the era at a place."""
        return sum(update.place <= place for update in self.updates) - 1


def _resolved_before(
    axis: EraAxis, candidates: Sequence[str], eras: Sequence[str], purge: int
) -> tuple[int, ...]:
    places = [axis.position(era) for era in candidates]
    return tuple(bisect_left(places, axis.position(era) - purge) for era in eras)


def _updates(
    known: Sequence[str], borders: Sequence[int], section: WalkSection
) -> tuple[Update, ...]:
    updates: list[Update] = []
    learned = 0
    for place in range(0, len(borders), section.refit):
        border = borders[place]
        if border > learned:
            window = tuple(known[max(0, border - section.window) : border])
            updates.append(Update(place, tuple(known[learned:border]), window))
            learned = border
    return tuple(updates)
