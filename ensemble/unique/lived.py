"""Which eras of a pool a unique version can have been lived in, with what was known in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.pool import Pool
from ensemble.unique.goal import Goal
from ensemble.unique.learned import walk
from ensemble.unique.past import PastViews
from ensemble.unique.stand_in import StandIn
from erazoo.errors import DataError


@dataclass(frozen=True)
class Lived:
    """The newest eras in a row that lack nothing.

    Args:
        first: the place of the first one in the pool.
        last: the place behind the last one.
        pool: of these eras.
        views: of these eras.
        values: (n,) the standard predictions.
        stand_ins: (E,) for the meta model, None where none is needed.
        live: the stand-in for rows that come later.
    """

    first: int
    last: int
    pool: Pool
    views: PastViews
    values: NDArray[Any]
    stand_ins: Sequence[StandIn | None]
    live: StandIn | None


def lived(goal: Goal, views: PastViews, standard: NDArray[Any]) -> Lived:
    """The eras with a standard prediction, the benchmarks that are needed, and a stand-in.

    Args:
        goal: says what is needed.
        views: of the whole pool.
        standard: (n,) the standard ensemble's predictions, NaN where it has none.

    Raises:
        DataError: there is no such era, or a stand-in cannot be learned.
    """
    pool, stand_ins, live = views.pool, [], None
    needed = goal.benchmarks + (goal.inputs.benchmarks if goal.inputs else ())
    usable = views.covered(needed)
    first, last = _newest(usable)
    if goal.inputs is not None and last > first:
        part = pool.stretch(first, last)
        walked = walk(
            views.of(part.eras),
            part.references[str(pool.meta_model)],
            part.slices,
            [pool.axis.position(era) for era in part.eras],
            goal.inputs,
            lag=pool.purge,
        )
        live, stand_ins = walked.last, list(walked.by_era)
        usable[first:last] &= [one is not None for one in stand_ins]
    usable &= [bool(np.isfinite(standard[span]).all()) for span in pool.slices]
    begin, end = _newest(usable)
    if begin == end:
        raise DataError(
            "there is no era in which a unique version could have been made",
            received=f"{len(usable)} out-of-fold eras",
            hint="Name other things in ensemble.unique.to, or use more folds",
        )
    part = pool.stretch(begin, end)
    held = stand_ins[begin - first : end - first] if stand_ins else [None] * (end - begin)
    low, high = pool.slices.bounds[begin], pool.slices.bounds[end]
    inner = PastViews(part, views.panel)
    return Lived(begin, end, part, inner, standard[low:high], held, live)


def _newest(usable: NDArray[np.bool_]) -> tuple[int, int]:
    """The newest eras in a row: the place of the first, and that behind the last."""
    places = np.flatnonzero(usable)
    if not len(places):
        return 0, 0
    breaks = np.flatnonzero(np.diff(places) > 1)
    first = places[breaks[-1] + 1] if len(breaks) else places[0]
    return int(first), int(places[-1]) + 1
