"""One trial, trained: every fold once, scored at each of its tree counts."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.binned import BinnedSets
from search.halving import Halving
from search.judge import Judge
from search.options import resolve_options
from search.plan import Plan
from search.predictions import PredictionFile
from search.results import Configuration, Result
from search.rows import FoldColumns, Rows
from search.trees.base import Grower, library
from search.trial import Trial, configuration_id, training_seed
from zoo.boosting.params import BoostingParams


@dataclass(frozen=True)
class Workplace:
    """What the trials of a study are trained with; a job's workers share it.

    Args:
        plan: of the study.
        bins: its binned rows.
        rows: its predicted rows.
        columns: their features, by fold.
        judge: of validation eras.
        predictions: the file that they are written to.
        halving: None where no trial is pruned.
    """

    plan: Plan
    bins: BinnedSets
    rows: Rows
    columns: tuple[FoldColumns, ...]
    judge: Judge
    predictions: PredictionFile
    halving: Halving | None


@dataclass
class _Training:
    """A trial on its way: its growers, their sums by fold, and what it took."""

    place: Workplace
    trial: Trial
    params: BoostingParams
    growers: dict[int, Grower] = field(default_factory=dict)
    margins: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - begun

    def advance(self, fold: int, trees: int) -> None:
        """Grow a fold's model to a number of trees, and predict with it."""
        if fold not in self.growers:
            with self.timed("start"):
                self._begin(fold)
        with self.timed("grow"):
            self.growers[fold].grow(trees)
        with self.timed("predict"):
            self.growers[fold].predict(self.margins[fold], self.place.columns[fold])

    def keep(self, fold: int, slot: int) -> None:
        """Write what a fold predicts now into a slot."""
        with self.timed("write"):
            start = self.place.rows.fold_spans[fold].start
            values = self.margins[fold].astype(np.float32)
            self.place.predictions.write(slot, start, values)

    def scored(self) -> dict[str, float | None]:
        """The scores on validation eras now."""
        with self.timed("score"):
            return self.place.judge.score(self.margins)

    def _begin(self, fold: int) -> None:
        trial, place = self.trial, self.place
        learned = place.bins.learned(fold)
        offset = learned.offsets[trial.target]
        bins = place.bins.get(fold, trial.features, self.params.max_bin, trial.target)
        self.growers[fold] = library(place.plan.model).grower(
            bins,
            learned.labels[trial.target],
            self.params,
            training_seed(place.plan.model, trial.values, place.plan.seed),
            place.bins.columns(trial.features),
            offset,
        )
        self.margins[fold] = np.full(len(place.columns[fold]), -offset)


def train(place: Workplace, trial: Trial) -> Result:
    """Train a trial on every fold, write its predictions, and say how it ended.

    Folds with validation eras come first, step by step together; the others are trained only where
    no rung ends the trial. Memory: two columns of float64 a fold, beside the library's own.

    Args:
        place: what it is trained with.
        trial: its parameters, tree counts and slots.
    """
    begun = time.perf_counter()
    plan = place.plan
    job = _Training(place, trial, resolve_options(plan.model, trial.params))
    choosing = [k for k, fold in enumerate(plan.folds.folds) if plan.folds.chooses(fold)]
    scores: dict[int, dict[str, float | None]] = {}
    rungs: list[dict[str, Any]] = []
    looks = {} if place.halving is None or not trial.number else place.halving.stops(trial.trees)
    for trees in sorted({*trial.points, *looks}):
        for fold in choosing:
            job.advance(fold, trees)
        score = job.scored()
        if trees in trial.points:
            scores[trees] = score
            _keep(job, choosing, trees)
        if trees in looks and place.halving is not None:
            told = score[plan.objective]
            rungs.append(place.halving.look(trial.number, looks[trees], trees, told))
            if not rungs[-1]["kept"]:
                return _result(job, "pruned", rungs, (), begun)
    job.growers.clear()
    for fold in range(len(plan.folds.folds)):
        for trees in trial.points if fold not in choosing else ():
            job.advance(fold, trees)
            _keep(job, [fold], trees)
        job.growers.clear()
    with job.timed("write"):
        place.predictions.flush()
    found = tuple(
        Configuration(
            configuration_id(plan.model, trial.values, trees),
            trees,
            trial.slot + trial.points.index(trees),
            scores[trees],
        )
        for trees in trial.points
    )
    return _result(job, "complete", rungs, found, begun)


def _keep(job: _Training, folds: list[int], trees: int) -> None:
    for fold in folds:
        job.keep(fold, job.trial.slot + job.trial.points.index(trees))


def _result(
    job: _Training,
    state: Any,
    rungs: list[dict[str, Any]],
    found: tuple[Configuration, ...],
    begun: float,
) -> Result:
    plan, trial = job.place.plan, job.trial
    folds = range(len(plan.folds.folds))
    total = time.perf_counter() - begun
    return Result(
        trial=trial.number,
        state=state,
        target=trial.target,
        features=trial.features,
        params=trial.params,
        seed=training_seed(plan.model, trial.values, plan.seed),
        configurations=found,
        offsets=tuple(job.place.bins.learned(fold).offsets[trial.target] for fold in folds),
        rungs=tuple(rungs),
        seconds={**{k: round(v, 6) for k, v in job.seconds.items()}, "total": round(total, 6)},
        ended=round(time.time(), 3),
    )
