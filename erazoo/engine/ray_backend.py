"""Many jobs at once on Ray: on this machine by default, on a cluster by its address.

Ray finds the node for a job and keeps its cores, memory and GPUs for it. It never repeats one:
`max_retries` is 0, so that attempts are counted in one place.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from erazoo.config.schema import EngineSection
from erazoo.engine import node
from erazoo.engine.backend import refusal
from erazoo.engine.job import Attempt, Job
from erazoo.engine.ray_start import Ray
from erazoo.engine.tree import MIB
from erazoo.engine.watch import GRACE_SECONDS, Order
from erazoo.errors import RemoteError

AHEAD = 1000
"""Jobs of a list that wait in Ray at most; more of them would only take memory."""
LOOK_SECONDS = 5.0
PLACE = "erazoo_jobs"
"""A resource of a Ray that was started here: as many as jobs may run at a time."""
GONE = ("NodeDiedError", "WorkerCrashedError", "LocalRayletDiedError", "ObjectLostError")


class RayBackend:
    """Runs each attempt as a Ray task that watches the process of its job.

    A Ray that this process has started before is used as it is, and left running.

    Args:
        settings: the address of a cluster, the jobs at a time, and the share of this machine's
            memory that a Ray started here hands out.

    Raises:
        MissingExtraError: ray is not installed.
        RemoteError: Ray cannot be started, or there is no cluster at the address.
    """

    def __init__(self, settings: EngineSection) -> None:
        self._jobs = settings.jobs
        self._session = Ray(settings, {PLACE: settings.jobs} if settings.jobs else {})
        self._ray = self._session.module
        self._places = PLACE in self._ray.cluster_resources()
        self._attempt = self._ray.remote(max_retries=0)(node.attempt)
        self._running: dict[Any, Job] = {}
        self._stopped: list[Any] = []  # Ray aborts where a task that is let go of ends after all

    def refusal(self, job: Job) -> str:
        """Why no node can hold the job, empty where one can."""
        return refusal(job, [_holds(one["Resources"]) for one in self._ray.nodes() if one["Alive"]])

    def room(self, *, ahead: bool) -> bool:
        """Whether a job can be started, or may wait for its place in Ray."""
        at_once = self._jobs or int(self._ray.cluster_resources().get("CPU", 1))
        if ahead and (self._places or not self._jobs):
            at_once = AHEAD
        return len(self._running) < at_once

    def start(self, order: Order) -> None:
        """Hand a job over to Ray, which starts it when a node has its needs free."""
        needs = order.job.needs
        task = self._attempt.options(
            name=order.job.id,
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            memory=needs.memory_mb * MIB or None,
            resources={PLACE: 1} if self._places else None,
        )
        sent = replace(order, command=self._session.command)
        self._running[task.remote(sent, node.versions())] = order.job

    def next(self) -> tuple[Job, Attempt]:
        """Wait for the next attempt that ends.

        Raises:
            RemoteError: a node cannot run jobs at all.
        """
        while True:
            tasks = list(self._running)
            done, waiting = self._ray.wait(tasks, num_returns=1, timeout=LOOK_SECONDS)
            for task in done:
                return self._running.pop(task), self._answer(task)
            for task in waiting:
                if reason := self.refusal(self._running[task]):
                    self._ray.cancel(task)
                    return self._running.pop(task), _lost(reason)

    def stop(self) -> None:
        """End the attempts that run, each in order, and forget those that wait."""
        tasks, self._running = list(self._running), {}
        self._stopped += tasks
        for task in tasks:
            self._ray.cancel(task)
        deadline = time.monotonic() + GRACE_SECONDS + LOOK_SECONDS
        for task in tasks:  # ray.wait takes a cancelled task for finished while it still runs
            with suppress(self._ray.exceptions.RayError):
                self._ray.get(task, timeout=max(0.1, deadline - time.monotonic()))

    def close(self) -> None:
        """End a Ray that was started here."""
        self.stop()
        self._session.close()

    def _answer(self, task: Any) -> Attempt:
        errors = self._ray.exceptions
        try:
            attempt: Attempt = self._ray.get(task)
        except tuple(getattr(errors, name) for name in GONE) as error:
            return _lost(f"its node or worker went away ({type(error).__name__})")
        except errors.OutOfMemoryError:
            reason = "Ray ended it because its node ran out of memory"
            return Attempt(state="memory", reason=reason, exit_code=1)
        except errors.RayError as error:
            raise RemoteError(
                "a node of the Ray cluster cannot run jobs",
                received=_last_line(error),
                hint="Every node needs this checkout and its environment: see docs/engine.md",
            ) from error
        return attempt


def _lost(reason: str) -> Attempt:
    return Attempt(state="died", reason=reason, exit_code=1, lost=True)


def _holds(resources: Mapping[str, float]) -> tuple[float, float, float]:
    cpus, memory, gpus = (resources.get(name, 0.0) for name in ("CPU", "memory", "GPU"))
    return cpus, memory / MIB, gpus


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
