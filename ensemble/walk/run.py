"""`erazoo ensemble --walk`: live through history, and say what it was worth."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from ensemble.meta.method import MOST_BASIS, meta_learning
from ensemble.meta.statistics import EraMeter
from ensemble.methods import META, METHODS, Learn
from ensemble.pool import open_pool
from ensemble.walk.case import WalkCase
from ensemble.walk.judge import Lived
from ensemble.walk.known import Known
from ensemble.walk.plan import WalkPlan
from ensemble.walk.publication import publish
from ensemble.walk.record import STATE, WEIGHTS, walk_folder, walk_record
from ensemble.walk.replay import Replay
from ensemble.walk.steps import Steps
from ensemble.walk.weigher import Weigher
from erazoo.config import Config
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.build import content_of
from etl.shards.held import HeldEras


def walk(config: Config, run: RunDir, *, force: bool = False) -> dict[str, Any]:
    """Replay the pooled eras of the run's ensemble, and compare.

    A killed walk is gone on with, to the same bytes; eras that are done are not lived again.

    Memory: the features of the eras in memory (`held` in the record), the labels of the pooled
    rows, and five float32 columns a model.

    Args:
        config: the experiment; its ensemble stands.
        run: its run directory.
        force: live through all of it again.

    Returns:
        The content of `ensemble/walk/walk.json`, with the weights.

    Raises:
        ConfigError: an unknown method, or models that cannot walk.
        LeakageError: too few eras are resolved before the first one.
        DataError: a member that is not trained.
    """
    case = WalkCase.of(config, run)
    stage, folder = case.stage, walk_folder(run)
    if not force and stage.done():
        return {**read_walk(run), "skipped": True}
    begun = time.monotonic()
    stage.forget()
    if force:
        shutil.rmtree(folder, ignore_errors=True)
    pool = open_pool(case.config, run, case.members, "out_of_fold")
    plan = case.plan(pool.eras)
    steps = Steps(folder / STATE, case.key(plan, pool.key), plan.eras)
    families = [model.job.spec.family for model in case.models]
    known = Known(pool, case.names, families, case.config.run.seed)
    prepare = _Preparation(case, plan, folder / STATE / META)
    Replay(plan, case.models, case.shards, known, steps, prepare).run()
    outputs = publish(case, plan, pool, Lived.of(list(steps.load(len(plan.eras)))))
    summary = {"models": list(case.names), "eras": len(plan.eras)}
    stage.finish(outputs, summary, time.monotonic() - begun)
    return read_walk(run)


def read_walk(run: RunDir) -> dict[str, Any]:
    """The record of a walk, with its weights."""
    record = walk_record(run)
    return {**read_json(record), "weights": read_json(record.with_name(WEIGHTS))["weights"]}


class _Preparation:
    """Makes the weigher of a walk; see `Replay`."""

    def __init__(self, case: WalkCase, plan: WalkPlan, folder: Path) -> None:
        self._case, self._plan, self._folder = case, plan, folder

    def __call__(self, data: HeldEras) -> Weigher:
        section = self._case.config.ensemble
        if section.walk.method != META:
            learn: Learn = METHODS[section.walk.method].build(self._case.config, self._case.run)
            return Weigher(learn, section.walk.every, self._plan)
        meter = self._meter(data, section.meta.directions)
        learning = meta_learning(self._case.config, self._case.run, lambda _: meter)
        look = lambda era: meter.read((era,))
        return Weigher(learning.learn, section.walk.every, self._plan, look)

    def _meter(self, data: HeldEras, directions: int) -> EraMeter:
        """Measures eras in memory, by directions of those resolved before the walk."""
        plan = self._plan
        before = plan.learnable[max(0, plan.borders[0] - plan.keep) : plan.borders[0]]
        content = content_of(self._case.run)
        return EraMeter.open(data, before[-MOST_BASIS:], directions, self._folder, content)
