"""Workers forked from a process that has loaded everything, which take tasks one by one."""

from __future__ import annotations

import gc
import os
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Generic, TypeVar

from erazoo.logs import LOGGER
from erazoo.processes import leave_interrupts_to

T = TypeVar("T")
OF_MACHINE = (OSError, MemoryError)
"""Errors that no task is to blame for, such as a full disk."""
STARTS = 2
"""How often a task is begun that ends its worker."""
END_SECONDS = 1.0
"""In which a process that is being ended has ended."""


@dataclass
class _Worker:
    """A forked process, and the place of the task that it has."""

    process: ForkProcess
    channel: Connection
    task: int | None = None


class Pool(Generic[T]):
    """Runs tasks on forked workers; they share the memory of this process as it was.

    This process must have used no more than one thread of OpenMP before. A worker that dies is
    replaced, and its task begun again once.

    Args:
        work: done with each task, in a worker; what it raises is logged there and is a failure,
            unless it lies with the machine (`OF_MACHINE`): then it is raised here.
        failed: told of a task that raised or ended its workers, and why, in this process.
    """

    def __init__(self, work: Callable[[T], None], failed: Callable[[T, str], None]) -> None:
        self._work, self._failed = work, failed
        self._parent = os.getppid()

    def run(self, tasks: Sequence[T], workers: int) -> None:
        """Run all tasks, at most `workers` at a time.

        Raises:
            KeyboardInterrupt: after the workers were ended; also where this process is to end.
            OSError, MemoryError: of a worker, after all were ended.
        """
        gc.freeze()  # or the first collection of each worker would copy every page of objects
        waiting, starts = deque(range(len(tasks))), Counter[int]()
        alive: list[_Worker] = []
        try:
            while waiting or any(worker.task is not None for worker in alive):
                while waiting and len(alive) < workers:
                    alive.append(self._forked(tasks))
                for worker in alive:
                    if worker.task is None and waiting:
                        _give(worker, waiting.popleft(), starts)
                self._hear(alive, tasks, waiting, starts)
        finally:
            for worker in alive:
                _end(worker)

    def _forked(self, tasks: Sequence[T]) -> _Worker:
        context = get_context("fork")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=self._serve, args=(theirs, ours, tasks, os.getpid()), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _serve(
        self, channel: Connection, others: Connection, tasks: Sequence[T], parent: int
    ) -> None:
        """A worker's life: a place in; nothing, the reason of a failure or an error out."""
        others.close()
        leave_interrupts_to(parent)
        while (place := channel.recv()) is not None:
            try:
                self._work(tasks[place])
            except OF_MACHINE as error:
                LOGGER.error("a trial was broken off: %s", traceback.format_exc())
                channel.send(error)
            except Exception as error:
                LOGGER.error("a trial failed: %s", traceback.format_exc())
                channel.send(f"{type(error).__name__}: {error}")
            else:
                channel.send("")

    def _hear(
        self,
        alive: list[_Worker],
        tasks: Sequence[T],
        waiting: deque[int],
        starts: Counter[int],
    ) -> None:
        """Wait until a worker has ended its task, or itself."""
        ready = set(wait([worker.channel for worker in alive]))
        for worker in [one for one in alive if one.channel in ready]:
            task, worker.task = worker.task, None
            try:
                reason = worker.channel.recv()
            except (EOFError, ConnectionResetError):
                alive.remove(worker)
                reason = _death(worker)
                self._check_wanted()
                if task is not None and starts[task] < STARTS:
                    LOGGER.warning("%s; its trial begins again", reason)
                    waiting.appendleft(task)
                    continue
            if isinstance(reason, OF_MACHINE):
                raise reason
            if task is not None and reason:
                self._failed(tasks[task], reason)

    def _check_wanted(self) -> None:
        """Tell the death of a worker from the end of this process, which takes its workers first.

        Raises:
            KeyboardInterrupt: what started this process is gone.
        """
        time.sleep(END_SECONDS)
        if os.getppid() != self._parent:
            raise KeyboardInterrupt


def _give(worker: _Worker, task: int, starts: Counter[int]) -> None:
    worker.task = task
    starts[task] += 1
    try:
        worker.channel.send(task)
    except BrokenPipeError:
        return  # it has died, which waiting for it will tell


def _end(worker: _Worker) -> None:
    """End a worker: in order where it waits, at once where it works."""
    if worker.task is None:
        try:
            worker.channel.send(None)
            worker.process.join(1)
        except BrokenPipeError:
            pass
    if worker.process.is_alive():
        worker.process.kill()
    worker.process.join()
    worker.channel.close()


def _death(worker: _Worker) -> str:
    worker.process.join()
    worker.channel.close()
    code = worker.process.exitcode or 0
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"a worker ended by {how}"
