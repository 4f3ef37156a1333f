"""`erazoo compare`: every model on the same folds, each a job of the engine within its budget."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from erazoo.config import Config, describe
from erazoo.engine.job import Job as EngineJob
from erazoo.engine.job import Outcome, State
from erazoo.engine.run import Engine
from erazoo.errors import ErazooError
from erazoo.logs import LOGGER
from erazoo.machine import memory_limit
from erazoo.publish import write_json
from erazoo.rundir import RunDir
from etl.build import bring_shards
from training.comparison_job import CONFIG
from training.comparison_plan import Contest, job_name, side_by_side
from training.comparison_rows import comparison_table
from training.evaluation import evaluate, prediction_files
from training.job import JOBS, Job, model_stage
from training.process import failure
from training.progress import live_progress
from training.spread import needs_of, tell
from training.tracking import track
from training.train import forget_model

AGAIN: set[State] = {"ok", "failed", "died", "interrupted"}
"""What does not stand: an `ok` whose folder is not finished, and what may go better next time."""
LATE = "no time was left to begin it"
SHARES = 3
"""No model takes more than one of so many shares of a comparison in a hurry."""
Ends = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Limits:
    """What each model may take.

    Args:
        seconds: of wall time, all its fits together; None for no limit.
        memory_mb: MiB, of its process and all that it starts; 0 for no limit. A model whose
            `needs.memory_mb` is set keeps that.
        within: seconds after which no model begins and those that run are ended; None for never.
            One of three or more models may take a third of them.
    """

    seconds: float | None = None
    memory_mb: int = 0
    within: float | None = None


def compare(
    contest: Contest, run: RunDir, limits: Limits, *, force: bool = False
) -> dict[str, Any]:
    """Train what is not trained, score everything on the same eras, and make the table.

    A model that fails, takes too long or too much memory is a row with its reason, and the others
    go on. What is finished is kept: the same call goes on after it was killed. A model that was
    ended by its time or its memory is not begun again with the same limits.

    Memory: that of the models that run at once; then that of an evaluation.

    Args:
        contest: what is compared.
        run: the run directory; its shards must stand.
        limits: of each model.
        force: train finished models again.

    Returns:
        The content of `comparison.json`.

    Raises:
        StaleDataError: there are no shards of this configuration.
    """
    contest = side_by_side(contest)
    config = contest.config
    bring_shards(config, run)
    if force:
        for name in contest.names:
            forget_model(config, run, name)
    with live_progress(run.path("models")):
        ends = train_contest(contest, run, limits, force=force)
    if limits.within is None:
        track(config, run, contest.names)
    scores = evaluate(config, run) if prediction_files(config, run, "out_of_fold")[0] else None
    return comparison_table(contest, run, ends, scores)


def shared_memory(contest: Contest) -> int:
    """An equal share of this machine's memory for each model that runs at once, in MiB.

    There is no limit on a cluster.
    """
    config = side_by_side(contest).config
    if config.engine.ray_address:
        return 0
    at_once = 1 if config.engine.backend in ("serial", "debug") else config.engine.jobs
    return int(config.engine.memory_share * memory_limit() * 1024 / at_once)


def train_contest(contest: Contest, run: RunDir, limits: Limits, *, force: bool = False) -> Ends:
    """Train the models that do not stand, each a job of the engine.

    Args:
        contest: which models.
        run: the run directory; its shards must stand.
        limits: of each model.
        force: begin again what was ended by its limits.

    Returns:
        By name, the state and reason of those that ended badly.
    """
    config, ends = contest.config, dict[str, tuple[str, str]]()
    open_jobs = [job for name in contest.names if (job := _missing(config, run, name, ends))]
    if not open_jobs:
        return ends
    write_json(run.path(JOBS, CONFIG), describe(config))
    redo: set[State] = {*AGAIN, "timeout", "memory"} if force else AGAIN
    deadline = None if limits.within is None else time.monotonic() + limits.within
    with Engine(run.path(JOBS), config.engine) as engine:
        for waits in (False, True):
            wave = [job for job in open_jobs if job.waits is waits]
            for outcome in engine.run(_orders(wave, run, limits, deadline, ends), redo=redo):
                tell(outcome)
                _note(config, run, outcome, ends)
    return ends


def _missing(config: Config, run: RunDir, name: str, ends: Ends) -> Job | None:
    """The job of a model that is not finished; None where it is, or cannot begin."""
    if model_stage(config, run, name).done():
        LOGGER.info("%s: done already", name)
        return None
    try:
        return Job.of(config, run, name)
    except ErazooError as error:
        _failed(config, run, name, "failed", error.message, ends)
        return None


def _orders(
    wave: Sequence[Job], run: RunDir, limits: Limits, deadline: float | None, ends: Ends
) -> Sequence[EngineJob] | Iterator[EngineJob]:
    """All jobs at once, which lets the engine fill the machine; in a hurry, one by one."""
    if deadline is None:
        return [_order(job, run, limits, limits.seconds) for job in wave]
    return _hurried(wave, run, limits, deadline, ends)


def _hurried(
    wave: Sequence[Job], run: RunDir, limits: Limits, deadline: float, ends: Ends
) -> Iterator[EngineJob]:
    share = (limits.within or 0) / min(SHARES, len(wave)) if wave else 0
    most = share if limits.seconds is None else min(share, limits.seconds)
    for job in wave:
        left = deadline - time.monotonic()
        if left < 1:
            ends[job.name] = ("not run", LATE)
            continue
        yield _order(job, run, limits, round(min(left, most), 1))


def _order(job: Job, run: RunDir, limits: Limits, seconds: float | None) -> EngineJob:
    needs = needs_of(job)
    return EngineJob(
        id=job_name(job.name),
        call="training.comparison_job:train_one",
        arguments={
            "root": str(run.root.absolute()),
            "name": job.name,
            "threads": needs.threads,
            "made_of": model_stage(job.config, run, job.name).key,
        },
        needs=replace(needs, memory_mb=needs.memory_mb or limits.memory_mb),
        timeout_s=seconds,
    )


def _note(config: Config, run: RunDir, outcome: Outcome, ends: Ends) -> None:
    name = outcome.id.removeprefix(job_name(""))
    if not outcome.ok:
        _failed(config, run, name, outcome.state, outcome.reason, ends, outcome.exit_code)


def _failed(
    config: Config,
    run: RunDir,
    name: str,
    state: str,
    reason: str,
    ends: Ends,
    exit_code: int = 1,
) -> None:
    """Record a failure as `erazoo train` does."""
    failure(config, run, name, reason, exit_code)
    ends[name] = (state, reason)
