"""What the engine calls: a batch of trials of one study, trained by forked workers.

The process has one thread of OpenMP, loads what the trials share, and keeps it for the next batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from erazoo.config import Config
from erazoo.logs import LOGGER
from erazoo.machine import GIB, memory_limit
from erazoo.publish import read_json
from etl.build import bring_shards
from search.binned import KEPT_SHARE, BinnedSets
from search.folder import MineDir
from search.halving import Halving
from search.judge import Judge
from search.options import resolve_options
from search.plan import Plan
from search.pool import Pool
from search.predictions import PredictionFile
from search.results import Result, add_line, read_results
from search.rows import FoldColumns, Rows
from search.training import Workplace, train
from search.trial import Trial, training_seed

GB = 1e9
MIB = 2**20


def run_batch(
    root: str, key: str, trials: Sequence[dict[str, Any]], workers: int
) -> dict[str, Any]:
    """Train trials, each with a line in `results.jsonl` as soon as it has ended.

    A trial that has a line is not trained again, unless it failed.

    Args:
        root: the folder of the study.
        key: of its plan.
        trials: see `Trial.to_json`; those that share bins belong in one batch.
        workers: that train at a time.

    Returns:
        `trials` that were trained here, and `seconds` of loading and of all.
    """
    begun = time.perf_counter()
    folder = MineDir(Path(root))
    place = _workplace(folder.root, key)
    ended = {n for n, one in read_results(folder.results).items() if one.state != "failed"}
    tasks = [task for task in map(Trial.from_json, trials) if task.number not in ended]
    loading = time.perf_counter() - begun

    def work(task: Trial) -> None:
        add_line(folder.results, train(place, task).to_json())

    def failed(task: Trial, reason: str) -> None:
        LOGGER.warning("trial %d failed: %s", task.number, reason)
        add_line(folder.results, failure(place.plan, task, reason).to_json())

    for group in _groups(place, tasks):
        start = time.perf_counter()
        for task in group:
            _load(place, task)
        loading += time.perf_counter() - start
        if place.halving is not None:
            place.halving.refresh()  # here, or every worker reads all of it
        Pool(work, failed).run(group, workers)
    return {"trials": len(tasks), "loading": loading, "seconds": time.perf_counter() - begun}


def failure(plan: Plan, trial: Trial, reason: str) -> Result:
    """The result of a trial that failed."""
    return Result(
        trial=trial.number,
        state="failed",
        target=trial.target,
        features=trial.features,
        params=trial.params,
        seed=training_seed(plan.model, trial.values, plan.seed),
        reason=reason,
        ended=round(time.time(), 3),
    )


@lru_cache(maxsize=1)
def _workplace(root: Path, key: str) -> Workplace:  # noqa: ARG001
    """What the trials of a study share; read once a process."""
    folder = MineDir(root)
    return open_workplace(folder)


def open_workplace(folder: MineDir) -> Workplace:
    """What the trials of a study are trained with, from its folder and the shards.

    Raises:
        StaleDataError: the study was never started, or its shards are gone.
    """
    plan = Plan.read(folder)
    config = Config.model_validate(read_json(folder.config))
    shards, _ = bring_shards(config, folder.run)
    rows = Rows.read(folder.rows)
    matrix = np.load(folder.columns, mmap_mode="r")
    folds = range(len(plan.folds.folds))
    memory = config.mine.memory_mb * MIB or memory_limit() * GIB
    halving = None
    if plan.pruning["by"] == "halving":
        rungs, reduction = plan.pruning["rungs"], plan.pruning["reduction"]
        halving = Halving(folder.rungs, tuple(rungs), reduction)
    return Workplace(
        plan,
        BinnedSets(shards, plan, folder.binned, config.mine.disk_gb * GB, KEPT_SHARE * memory),
        rows,
        tuple(FoldColumns.of(matrix, shards, plan, fold) for fold in folds),
        Judge(rows),
        PredictionFile(folder.predictions, len(rows)),
        halving,
    )


def _groups(place: Workplace, trials: Sequence[Trial]) -> Iterator[list[Trial]]:
    """Trials in their order, in groups whose bins may be in memory together.

    Bins are shared between targets that are known in the same rows, and the others are not.
    """
    group, held = list[Trial](), dict[str, int]()
    for trial in trials:
        needed = place.bins.sizes(trial.features, _max_bin(place, trial), trial.target)
        new = needed.keys() - held.keys()
        if group and new and sum({**held, **needed}.values()) > place.bins.most_loaded:
            yield group
            group, held = [], {}
        group.append(trial)
        held |= needed
    if group:
        yield group


def _load(place: Workplace, trial: Trial) -> None:
    """Load the bins of a trial before workers are forked, so that they share them."""
    max_bin = _max_bin(place, trial)
    for fold in range(len(place.plan.folds.folds)):
        place.bins.get(fold, trial.features, max_bin, trial.target)


def _max_bin(place: Workplace, trial: Trial) -> int:
    return resolve_options(place.plan.model, trial.params).max_bin
