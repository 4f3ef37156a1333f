"""One goal on one stretch of eras: its way, what solves it, and whether that held afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.moments import EraMoments
from ensemble.nested import LEAST, eras_before
from ensemble.unique.changes import largest_exposure, mean_correlation
from ensemble.unique.figures import version_figures
from ensemble.unique.frontier import frontier, frontier_points
from ensemble.unique.goal import Goal
from ensemble.unique.lived import Lived
from ensemble.unique.past import PastViews
from ensemble.unique.solve import Measure, Solution, solve
from ensemble.unique.view import Floats
from ensemble.unique.ways import Way, neutralising, reweighing, shifting
from erazoo.errors import ConfigError, DataError
from scoring.eras import EraSlices


@dataclass(frozen=True)
class Case:
    """A goal on the eras that can be lived, E of them.

    Args:
        goal: what is wished for.
        held: the eras.
        weights: (M,) of the standard version; None where it is no weighted mean.
        moments: of the eras, with scores against a meta model; None where there are none.
        learned: the first eras of these whose targets the final weights may know.
    """

    goal: Goal
    held: Lived
    weights: NDArray[Any] | None
    moments: EraMoments | None
    learned: int

    def way(self, known: int) -> Way:
        """The way of the goal, with targets known of the first `known` eras.

        Raises:
            ConfigError: weights are to be changed that are not there.
            DataError: no era in which weights could trade CORR for MMC.
        """
        if self.goal.way != "weights":
            return self._targetless
        if self.weights is None:
            raise ConfigError(
                "the way 'weights' changes the weights of a standard ensemble that has some",
                received="a standard ensemble of another kind",
                hint="Choose ensemble.unique.way = 'neutralise' or 'segments'",
            )
        start = np.asarray(self.weights, dtype=np.float64)
        return reweighing(self.held.pool, start, self.frontier(known))

    def frontier(self, known: int) -> Floats:
        """Weights (P, M) along the frontier, learned from the first `known` eras.

        Raises:
            DataError: too few eras have both scores.
        """
        if self.moments is None:
            raise DataError(
                "weights cannot trade CORR for MMC: too few earlier eras have a meta model",
                received=f"{self.eras} eras, of which the first half teaches, less the purge",
                expected=f"at least {LEAST} with a target and a meta model among them",
                hint="Choose ensemble.unique.way = 'neutralise' or 'segments'",
            )
        return frontier(self.moments, np.arange(self.eras) < known)

    def solved(self, way: Way, last: int) -> tuple[float, Solution | None]:
        """The amount of change, by the figure in the first `last` eras.

        Raises:
            ConfigError: the wish cannot be met.
        """
        if self.goal.wish is None:
            return self._given(way), None
        solution = solve(self.measure(way, 0, last), self.goal.wish, way.change.bounds)
        return solution.amount, solution

    def measure(self, way: Way, first: int, last: int) -> Measure:
        """The figure of the wish over the eras at places `first` to `last - 1`."""
        pool, goal = self.held.pool, self.goal
        slices = _part(pool.slices, first, last)
        if goal.against:
            return mean_correlation(way.change, pool.references[goal.against], slices)
        again = lambda: self.held.views.of(slices.labels)
        return largest_exposure(way.change, again, slices, goal.exposed)

    def lived(self, way: Way, amount: float) -> tuple[int, NDArray[np.float32]]:
        """The predictions of the unique version as they could have been made at the time.

        Returns:
            The place of the first era, and the rows from it on. Where targets are learned from,
            the second half of the eras with what the first half teaches; else all eras.
        """
        if way.weights is None:
            return 0, way.values(amount)
        half = self.eras // 2
        before = self.way(eras_before(self.held.pool, self.held.pool.eras[half]))
        found, _ = self.solved(before, self.eras)
        return half, before.values(found)[self.held.pool.slices.bounds[half] :]

    def later(self) -> dict[str, Any]:
        """What was solved on the first half of the eras, and both versions in the second."""
        half = self.eras // 2
        way = self.way(eras_before(self.held.pool, self.held.pool.eras[half]))
        try:
            amount, solution = self.solved(way, half)
        except (ConfigError, DataError) as error:
            return {"failed": error.message}
        start, reached = self.measure(way, half, self.eras)(np.array([0.0, amount]))
        part = self.held.pool.stretch(half, self.eras)
        low = int(self.held.pool.slices.bounds[half])
        matrix = np.stack((self.held.values, way.values(amount)), axis=1)[low:]
        views = PastViews(part, self.held.views.panel)
        return {
            "solved_on": _ends(self.held.pool.eras[:half]),
            "eras": _ends(part.eras),
            "amount": amount,
            "promised": solution.reached if solution else None,
            "start": float(start),
            "reached": float(reached),
            **version_figures(part, views, matrix, self.goal.exposed),
        }

    def frontiers(self) -> dict[str, Any]:
        """Scores along the frontier: learned from all eras, and learned before they were scored."""
        pool, half = self.held.pool, self.eras // 2
        later = pool.stretch(half, self.eras)
        return {
            "same": frontier_points(pool, self.frontier(self.eras)),
            "later": frontier_points(later, self.frontier(eras_before(pool, pool.eras[half]))),
        }

    @property
    def eras(self) -> int:
        """E."""
        return len(self.held.pool.slices)

    @cached_property
    def _targetless(self) -> Way:
        held, goal = self.held, self.goal
        slices = held.pool.slices
        if goal.way == "segments" and goal.segments is not None:
            return shifting(goal.segments, held.views, held.values, slices)
        return neutralising(goal, held.views, held.values, slices, held.stand_ins, held.live)

    def _given(self, way: Way) -> float:
        low, high = way.change.bounds
        if not low <= self.goal.amount <= high:
            raise ConfigError(
                "ensemble.unique.amount is out of range",
                received=self.goal.amount,
                expected=f"{low:g} to {high:g} for the way '{self.goal.way}'",
            )
        return self.goal.amount


def _part(slices: EraSlices, first: int, last: int) -> EraSlices:
    """Some eras, still at their places in all rows."""
    return EraSlices(slices.labels[first:last], slices.bounds[first : last + 1])


def _ends(eras: tuple[str, ...]) -> list[str]:
    return [eras[0], eras[-1]]
