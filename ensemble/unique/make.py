"""From a standard ensemble to its unique version: the one call for whoever blends.

`make_unique` solves for the smallest change on out-of-fold rows and reports both versions;
`post_process` applies what was found to later rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.moments import EraMoments
from ensemble.nested import LEAST, eras_before
from ensemble.pool import Pool
from ensemble.unique.case import Case
from ensemble.unique.figures import version_figures
from ensemble.unique.goal import Goal, goal_of
from ensemble.unique.learned import likeness
from ensemble.unique.lived import Lived, lived
from ensemble.unique.past import PastViews, Source
from ensemble.unique.solve import TOLERANCE, Solution
from ensemble.unique.steps import Step, apply
from ensemble.unique.view import META_MODEL, Floats
from ensemble.unique.ways import Way
from erazoo.config.schema import UniqueSection


@dataclass(frozen=True)
class Unique:
    """The unique version of an ensemble.

    Args:
        steps: of post-processing, for held-out and live rows; see `post_process`.
        weights: (M,) of the members where they differ from the standard version's, else None.
        values: (n,) out-of-fold predictions, NaN in eras in which it could not have been made.
        report: both versions in plain figures, for `ensemble/unique/unique.json`.
    """

    steps: tuple[Step, ...]
    weights: Floats | None
    values: NDArray[np.float32]
    report: dict[str, Any]


def make_unique(
    section: UniqueSection,
    pool: Pool,
    panel: Source,
    standard: NDArray[Any],
    *,
    weights: NDArray[Any] | None = None,
    moments: EraMoments | None = None,
    learned: int | None = None,
) -> Unique:
    """Find the smallest change of an ensemble's predictions that meets a wish.

    Only the pool's eras are looked at. Targets of theirs are learned from by weights along the
    frontier alone; the out-of-fold predictions of these come from earlier eras.

    Args:
        section: the wish and the way.
        pool: out-of-fold ranks of the members.
        panel: features and benchmarks of the same rows, such as the shards.
        standard: (n,) the standard ensemble's predictions, NaN where it has none.
        weights: (M,) its weights, None where it is no weighted mean with weights for all eras.
        moments: of the pool; without them there is no frontier.
        learned: the first eras of the pool whose targets the result may know; None for all.

    Memory: one era of features, and a few columns of n rows.

    Raises:
        ConfigError: an unknown name, or a wish that cannot be met; it states what can be.
        DataError: too few eras, or references that are absent.
    """
    views = PastViews(pool, panel)
    goal = goal_of(section, views)
    held = lived(goal, views, standard)
    known = min(len(pool.eras) if learned is None else learned, held.last) - held.first
    case = Case(goal, held, weights, _with_meta_model(moments, held), known)
    way = case.way(known)
    amount, solution = case.solved(way, case.eras)
    first, made = case.lived(way, amount)
    values = np.full(pool.slices.rows, np.nan, dtype=np.float32)
    low = int(pool.slices.bounds[held.first + first])
    values[low : low + len(made)] = made
    found = way.weights(amount) if way.weights is not None else None
    report = {
        "goal": _goal(goal, held),
        "amount": amount,
        "solution": None if solution is None else _solution(goal, solution),
        **_figures(case, way, first, made),
    }
    return Unique(way.steps(amount), found, values, report)


def post_process(
    steps: Sequence[Step], values: NDArray[Any], pool: Pool, panel: Source
) -> NDArray[np.float32]:
    """Predictions of later rows after the steps of a unique version.

    Args:
        steps: as they were found.
        values: (n,) finite predictions of the pool's rows.
        pool: the rows, such as the held-out ones.
        panel: their features and benchmarks.

    Memory: one era of features.

    Raises:
        DataError: an era lacks a benchmark that a step needs.
    """
    result = np.empty(pool.slices.rows, dtype=np.float32)
    views = PastViews(pool, panel).of(pool.eras)
    for view, span in zip(views, pool.slices, strict=True):
        result[span] = apply(steps, values[span], view)
    return result


def _with_meta_model(moments: EraMoments | None, held: Lived) -> EraMoments | None:
    """The moments of the eras that can be lived.

    None where fewer than three eras of the earlier half, purged, are scored against a meta model.
    """
    pool = held.pool
    known = eras_before(pool, pool.eras[len(pool.eras) // 2])
    part = None if moments is None else moments.stretch(held.first, held.last)
    scored = 0 if part is None else np.isfinite(part.contribution[:known]).all(axis=1).sum()
    return part if scored >= LEAST else None


def _figures(case: Case, way: Way, first: int, made: NDArray[np.float32]) -> dict[str, Any]:
    """Both versions from the era at place `first` on, the stand-in, later eras and the frontier."""
    goal, held = case.goal, case.held
    part = held.pool.stretch(first, case.eras)
    standard = np.asarray(held.values[-len(made) :], dtype=np.float32)
    views = PastViews(part, held.views.panel)
    figures = {
        "eras": list(part.eras),
        **version_figures(part, views, np.stack((standard, made), axis=1), goal.exposed),
    }
    if way.stand_in is not None:
        meta_model = held.pool.references[str(held.pool.meta_model)]
        figures["stand_in"] = likeness(way.stand_in, meta_model, held.pool.slices)
    if goal.wish is not None and goal.against and case.eras > 1:
        figures["later"] = case.later()
    if case.moments is not None:
        figures["frontier"] = case.frontiers()
    return figures


def _goal(goal: Goal, held: Lived) -> dict[str, Any]:
    to = [*goal.groups, *goal.benchmarks, *([META_MODEL] if goal.inputs else [])]
    return {
        "way": goal.way,
        "figure": goal.words,
        "to": to if goal.way == "neutralise" else [],
        "segments": goal.segments.to_dict()["shifts"] if goal.segments else [],
        "meta_model": held.pool.meta_model,
        "benchmark": held.pool.benchmark,
    }


def _solution(goal: Goal, solution: Solution) -> dict[str, Any]:
    return {
        "wish": goal.wish.words() if goal.wish else "",
        "start": solution.start,
        "wanted": solution.wanted,
        "reached": solution.reached,
        "low": solution.low,
        "high": solution.high,
        "tolerance": TOLERANCE,
    }
