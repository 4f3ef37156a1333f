"""Fits handed to the engine one by one: folds, seeds and targets of all models side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from erazoo.config import Config, describe
from erazoo.config.schema import EngineSection
from erazoo.engine.job import Job as EngineJob
from erazoo.engine.job import Needs, Outcome, State
from erazoo.engine.limits import visible_gpus
from erazoo.engine.run import Engine
from erazoo.logs import LOGGER
from erazoo.machine import cores
from erazoo.rundir import RunDir
from training.fit import fit_final, fit_fold
from training.gpus import takes_gpu
from training.job import FINAL, JOBS, Job


@dataclass(frozen=True)
class Failure:
    """Why a model's fit failed."""

    reason: str
    exit_code: int


def spreads(settings: EngineSection) -> bool:
    """Whether fits go to the engine one by one; else models train one after the other.

    Libraries use all cores for one fit, so on one machine the engine is used where it is asked
    for: by `engine.jobs` above 1, an address or a backend.
    """
    return settings.jobs > 1 or bool(settings.ray_address) or settings.backend != "auto"


def spread_fits(config: Config, run: RunDir, names: Sequence[str]) -> dict[str, Failure]:
    """Run every missing fit of some models on the engine.

    The sealed folders of fits say what is finished; the engine's journal is a log and keeps
    nothing from being run. A model that reads another's encoder waits for the others. After a
    failure no further fit of its model is begun.

    Returns:
        By name, the models of which a fit failed.
    """
    models = {name: Job.of(config, run, name) for name in names}
    first = [job for job in models.values() if not job.waits]
    failures: dict[str, Failure] = {}
    with Engine(run.path(JOBS), config.engine) as engine:
        for wave in (first, [job for job in models.values() if job.waits]):
            for last in (False, True):
                _run(engine, run, wave, failures, last=last)
    return failures


def fit_one(config: dict[str, Any], root: str, name: str, fold: str, member: str) -> dict[str, Any]:
    """What the engine calls: one fit of a model, in its own folder.

    Args:
        config: the experiment as plain values.
        root: the run directory.
        name: of the model.
        fold: of the fit, `final` for the last one.
        member: its name, empty where it is the fold's only fit.
    """
    from pathlib import Path

    job = Job.of(Config.model_validate(config), RunDir(Path(root)), name)
    [mine] = [m for m in job.members if m.name == member]
    if fold == FINAL:
        record = fit_final(job, mine)
    else:
        [found] = [f for f in job.plan.folds if f.name == fold]
        record = fit_fold(job, found, mine)
    return {"fitted": bool(job.fitted), "seconds": record["seconds"]}


def _run(
    engine: Engine, run: RunDir, wave: Sequence[Job], failures: dict[str, Failure], *, last: bool
) -> None:
    orders = {order.id: (job, order) for job in wave for order in _orders(run, job, last=last)}

    def wanted() -> Iterator[EngineJob]:
        for job, order in orders.values():
            if job.name not in failures:
                yield order

    for outcome in engine.run(wanted(), redo=set(get_args(State))):
        job, _ = orders[outcome.id]
        tell(outcome)
        if not outcome.ok:
            failures.setdefault(job.name, Failure(outcome.reason, outcome.exit_code))


def _orders(run: RunDir, job: Job, *, last: bool) -> Iterator[EngineJob]:
    needs = needs_of(job)
    training = job.config.training.model_copy(update={"threads": needs.threads})
    config = describe(job.config.model_copy(update={"training": training}))
    for fold in [FINAL] if last else [fold.name for fold in job.plan.folds]:
        for member in job.members:
            yield EngineJob(
                id=".".join(part for part in (job.name, fold, member.name) if part),
                call="training.spread:fit_one",
                arguments={
                    "config": config,
                    "root": str(run.root.absolute()),
                    "name": job.name,
                    "fold": fold,
                    "member": member.name,
                },
                needs=needs,
            )


def needs_of(job: Job) -> Needs:
    """What a fit takes: as the model says, else an equal share of this machine."""
    wanted, settings = job.entry.needs, job.config.engine
    gpus = wanted.gpus
    if gpus is None:
        devices = job.config.training.devices
        gpus = 1 if visible_gpus() and takes_gpu(job.spec, job.params, devices) else 0
    at_once = 1 if settings.backend in ("serial", "debug") else settings.jobs or cores()
    threads = wanted.threads or job.config.training.threads or max(1, cores() // at_once)
    return Needs(min(threads, cores()), threads, wanted.memory_mb, gpus)


def tell(outcome: Outcome) -> None:
    """Log how a job ended."""
    if outcome.ok:
        LOGGER.info("%s: %.1f s on %s", outcome.id, outcome.seconds, outcome.node)
    else:
        LOGGER.info("%s: %s; see %s", outcome.id, outcome.reason, outcome.log)
