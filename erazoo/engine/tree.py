"""A process and everything that it started: what they take together, and their end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

MIB = 2**20
LOOK_SECONDS = 0.1, 1.0
LOOK_SHARE = 0.02
"""Looking at processes takes at most this share of one core."""
LAST_SECONDS = 5.0
"""How long killed processes are waited for; one in the middle of a disk access may take longer."""


class Tree:
    """What a process and its descendants take, from the first look on.

    Args:
        pid: of the process.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak_mb = self.memory_mb = 0.0
        self._root = psutil.Process(pid)
        self._start: dict[psutil.Process, float] = {}
        self._cpu: dict[psutil.Process, float] = {}
        self._alive: set[psutil.Process] = set()
        self.look()
        self._start = dict(self._cpu)

    @property
    def cpu_seconds(self) -> float:
        """Processor time since the first look."""
        return sum(self._cpu.values()) - sum(self._start.values())

    def look(self) -> None:
        """Measure all processes once."""
        self._alive = {self._root, *descendants(self.pid)}
        memory = 0
        for process in self._alive:
            with suppress(psutil.Error), process.oneshot():
                memory += process.memory_info().rss
                times = process.cpu_times()
                self._cpu[process] = times.user + times.system
        self.memory_mb = memory / MIB
        self.peak_mb = max(self.peak_mb, self.memory_mb)

    def exceeds(self, limit_mb: float) -> bool:
        """Whether the processes held more than this at the last look.

        Pages that several of them share are counted once, which is asked for only where it may
        matter, because it takes the kernel a while to answer.
        """
        return self.memory_mb > limit_mb and sum(map(_own_memory, self._alive)) / MIB > limit_mb

    def end_started(self) -> None:
        """End everything that the process started, but not itself."""
        end(lambda: {*started_by(self.pid), *self._alive} - {self._root})

    def end(self) -> None:
        """End the process and everything that it started."""
        end(lambda: {self._root, *started_by(self.pid), *self._alive})


def pause_after(seconds: float) -> float:
    """Seconds until the next look at processes after one that took so many."""
    shortest, longest = LOOK_SECONDS
    return min(max(seconds / LOOK_SHARE, shortest), longest)


def own_peak_mb() -> float:
    """The most memory, in MiB, that this process has held; 0 where nothing tells."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def descendants(pid: int) -> list[psutil.Process]:
    """The living processes that a process started, and those that they started."""
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def started_by(pid: int) -> set[psutil.Process]:
    """All that the leader of a session started, also where the process between them is gone."""
    found = set(descendants(pid))
    for other in psutil.pids():
        with suppress(OSError, psutil.NoSuchProcess):
            if other != pid and os.getsid(other) == pid:
                found.add(psutil.Process(other))
    return found


def end(find: Callable[[], set[psutil.Process]]) -> None:
    """Kill processes and whatever they start meanwhile, until none is left.

    Args:
        find: the processes as they are now.
    """
    deadline = time.monotonic() + LAST_SECONDS
    while (living := [p for p in find() if _living(p)]) and time.monotonic() < deadline:
        for process in living:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.01)


def _living(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _own_memory(process: psutil.Process) -> int:
    """The process's share of memory: pages that n processes hold count a n-th for each."""
    try:
        facts = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(facts, "pss", facts.rss))
