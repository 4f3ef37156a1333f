"""The three ways to a unique version, each as a change by one number and the steps it ends in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.pool import Pool
from ensemble.unique.changes import Change, Mixed, Path, Shifted
from ensemble.unique.goal import Goal
from ensemble.unique.past import PastViews
from ensemble.unique.stand_in import StandIn
from ensemble.unique.steps import Neutralise, Segments, Step
from ensemble.unique.view import Floats, gaussian, ranked
from scoring.eras import EraSlices
from scoring.ranks import era_ranks

STRENGTH = (-1.0, 1.0)
"""Bounds of the largest factor of the segment shifts: a whole rank up or down."""


@dataclass(frozen=True)
class Way:
    """A change of some eras' predictions, and what is written down of an amount of it.

    Args:
        change: of the rows of the eras.
        values: by amount, the predictions (n,) of these rows.
        steps: by amount, for rows that come later.
        weights: by amount, the members' (M,) where they change.
        stand_in: (n,) what stood for the meta model in the rows, None without one.
    """

    change: Change
    values: Callable[[float], NDArray[np.float32]]
    steps: Callable[[float], tuple[Step, ...]]
    weights: Callable[[float], Floats] | None = None
    stand_in: Floats | None = None


def neutralising(
    goal: Goal,
    views: PastViews,
    values: NDArray[Any],
    slices: EraSlices,
    stand_ins: Sequence[StandIn | None],
    last: StandIn | None,
) -> Way:
    """Neutralisation by any proportion.

    Args:
        goal: says what to.
        views: of the eras.
        values: (n,) the standard predictions in the rows of the eras.
        slices: the eras.
        stand_ins: (E,) what each era may use for the meta model.
        last: what later rows use.
    """
    normal, fit, stood = (np.full(slices.rows, np.nan) for _ in range(3))
    step = Neutralise(1.0, goal.groups, goal.benchmarks, last)
    for view, span, held in zip(views.of(slices.labels), slices, stand_ins, strict=True):
        normal[span] = gaussian(values[span])
        lived = replace(step, stand_in=held)
        fit[span] = normal[span] - lived.factor(view).residual(normal[span])
        if held is not None:
            stood[span] = held.predict(view)
    change = Mixed(normal, fit)
    return Way(
        change,
        lambda amount: era_ranks(_at(change, amount), slices).astype(np.float32),
        lambda amount: (replace(step, proportion=amount),),
        stand_in=stood if last is not None else None,
    )


def shifting(segments: Segments, views: PastViews, values: NDArray[Any], slices: EraSlices) -> Way:
    """Segment shifts of any common strength, 1 being the factors as they are configured."""
    ranks, moved = np.empty(slices.rows), np.empty(slices.rows)
    for view, span in zip(views.of(slices.labels), slices, strict=True):
        ranks[span] = ranked(values[span])
        moved[span] = segments.displacement(view)
    largest = max(abs(shift.factor) for shift in segments.shifts)
    bounds = (STRENGTH[0] / largest, STRENGTH[1] / largest)

    change = Shifted(ranks, moved, bounds)
    return Way(
        change,
        lambda amount: _at(change, amount).astype(np.float32),
        lambda amount: (_scaled(segments, amount),),
    )


def reweighing(pool: Pool, weights: Floats, frontier: Floats) -> Way:
    """Weights along the frontier, from those of the standard version on.

    Args:
        pool: the members' ranks in the eras.
        weights: (M,) of the standard version.
        frontier: (P, M) from CORR to MMC and to distance.
    """
    start = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    path = Path.onto(pool.ranks, start, frontier)

    def found(amount: float) -> Floats:
        return np.asarray(path.weights(np.array([amount]))[0])

    return Way(path, lambda amount: pool.blend(found(amount)), lambda _: (), found)


def _at(change: Change, amount: float) -> Floats:
    return change.at(np.array([amount]), slice(None))[:, 0]


def _scaled(segments: Segments, strength: float) -> Segments:
    shifts = (replace(shift, factor=strength * shift.factor) for shift in segments.shifts)
    return Segments(tuple(shifts))
