"""Where attempts run: the contract of all backends, and the two that run one job at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from math import ceil
from typing import Protocol

from erazoo.engine.job import Attempt, Job, resolve
from erazoo.engine.limits import visible_gpus
from erazoo.engine.watch import Order, Slot
from erazoo.machine import cores, memory_limit


class Backend(Protocol):
    """Runs attempts; it neither repeats nor records any."""

    def refusal(self, job: Job) -> str:
        """Why no machine can hold the job, empty where one can."""
        ...

    def room(self, *, ahead: bool) -> bool:
        """Whether a job can be started now.

        Args:
            ahead: whether it may wait here until there is a place for it.
        """
        ...

    def start(self, order: Order) -> None:
        """Start an attempt, or let it wait for its place."""
        ...

    def next(self) -> tuple[Job, Attempt]:
        """The next attempt that ends, of those that were started."""
        ...

    def stop(self) -> None:
        """End the attempts that have not ended."""
        ...

    def close(self) -> None:
        """End what the backend itself started."""
        ...


class OneByOne:
    """Holds one job at a time."""

    def __init__(self) -> None:
        self._order: Order | None = None

    def refusal(self, job: Job) -> str:  # noqa: ARG002
        """Nothing is refused."""
        return ""

    def room(self, *, ahead: bool) -> bool:  # noqa: ARG002
        """Whether none is held."""
        return self._order is None

    def start(self, order: Order) -> None:
        """Hold it until `next`."""
        self._order = order

    def stop(self) -> None:
        """Let go of it."""
        self._order = None

    def close(self) -> None:
        """There is nothing to end."""

    def _taken(self) -> Order:
        if self._order is None:
            raise RuntimeError("no job was started")
        order, self._order = self._order, None
        return order


class Serial(OneByOne):
    """One job after the other, each in a process of its own.

    Args:
        memory_share: of this machine's memory that a job may ask for.
    """

    def __init__(self, memory_share: float) -> None:
        super().__init__()
        self._slot = Slot()
        self._gpus = visible_gpus()
        self._memory_mb = int(memory_share * memory_limit() * 1024)

    def refusal(self, job: Job) -> str:
        """Why this machine cannot hold the job, empty where it can."""
        return refusal(job, [(cores(), self._memory_mb, len(self._gpus))])

    def next(self) -> tuple[Job, Attempt]:
        """Run the held job to its end."""
        order = self._taken()
        gpus = self._gpus[: ceil(order.job.needs.gpus)]
        return order.job, self._slot.run(order, gpus)

    def stop(self) -> None:
        """Let go of the job and of the process that is kept for the next."""
        super().stop()
        self._slot.close()

    close = stop


class Debug(OneByOne):
    """Calls jobs in this very process, for a debugger; the first failure is raised as it is."""

    def next(self) -> tuple[Job, Attempt]:
        """Call the held job."""
        job, begun = self._taken().job, time.monotonic()
        arguments = json.loads(json.dumps(dict(job.arguments)))
        value = json.loads(json.dumps(resolve(job.call)(**arguments), allow_nan=False))
        return job, Attempt(state="ok", value=value, seconds=time.monotonic() - begun)


def refusal(job: Job, machines: Sequence[tuple[float, float, float]]) -> str:
    """Why none of some machines can ever hold a job, empty where one can.

    Args:
        job: with its needs.
        machines: cores, MiB of memory and GPUs of each.
    """
    needs = (job.needs.cpus, job.needs.memory_mb, job.needs.gpus)
    if any(all(n <= has for n, has in zip(needs, machine, strict=True)) for machine in machines):
        return ""
    held = "; ".join(sorted({_words(machine) for machine in machines})) or "nothing"
    return f"it needs {_words(needs)}, and no machine has that: there is {held}"


def _words(amounts: Sequence[float]) -> str:
    cpus, memory_mb, gpus = amounts
    return f"{cpus:g} cores, {memory_mb:.0f} MiB and {gpus:g} GPUs"
