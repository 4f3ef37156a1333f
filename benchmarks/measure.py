"""Processes measured from outside: wall time and the peak memory of their tree."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from erazoo.errors import ErazooError

SAMPLE_SECONDS = 0.02
BASELINES = "ERAZOO_BASELINES"


@dataclass(frozen=True)
class Measured:
    """One run of a command.

    Args:
        wall: seconds.
        peak_mb: the largest sum of the resident memory of its process tree, in MB; pages that
            several processes share are counted in each (an upper bound).
        output: what it printed.
    """

    wall: float
    peak_mb: float
    output: str

    def json(self) -> Any:
        """The last line of the output, read as JSON."""
        return json.loads(self.output.strip().splitlines()[-1])


def run(words: Sequence[str | Path], variables: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end.

    Raises:
        ErazooError: it failed; its last line of errors is named.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(variables or {})},
    )
    peak = _Peak(process.pid)
    peak.start()
    output, errors = process.communicate()
    wall = time.perf_counter() - begun
    peak.stop()
    if process.returncode:
        lines = errors.strip().splitlines() or ["no message"]
        raise ErazooError(f"a measured command failed: {' '.join(map(str, words))}: {lines[-1]}")
    return Measured(wall, peak.most / 1e6, output)


def python(*words: str | Path, variables: Mapping[str, str] | None = None) -> Measured:
    """Run Python with these words."""
    return run([sys.executable, *words], variables)


def alternate(
    ours: Callable[[], float], baseline: Callable[[], float], times: int
) -> tuple[float, float]:
    """Medians of both sides, measured in turn so that a busy machine slows both alike."""
    first, second = in_turn((ours, baseline), times)
    return first, second


def in_turn(sides: Sequence[Callable[[], float]], times: int) -> list[float]:
    """The median of each side, measured in turn."""
    rounds = [[side() for side in sides] for _ in range(times)]
    return [statistics.median(measured) for measured in zip(*rounds, strict=True)]


def baseline_file(name: str) -> Path:
    """The file of a plain implementation to be timed beside erazoo.

    Raises:
        ErazooError: it is not there.
    """
    path = Path(os.environ.get(BASELINES, "../shared/baselines")) / name
    if not path.is_file():
        raise ErazooError(
            "a benchmark needs the plain implementation that it is measured against",
            received=str(path),
            hint=f"Set {BASELINES} to the folder that holds it",
        )
    return path.resolve()


class Answering:
    """A process that measures once a question: a line in, a number out."""

    def __init__(self, module: str, *words: object) -> None:
        self._words = [sys.executable, "-m", module, *map(str, words)]

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            self._words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )
        self.ask()
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def ask(self) -> float:
        """One more measurement; the first finds the process warm.

        Raises:
            ErazooError: the process has ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write("\n")
            stdin.flush()
        except BrokenPipeError:
            pass
        answer = stdout.readline()
        if not answer:
            raise ErazooError(f"a measured process failed: {' '.join(self._words[2:])}")
        return float(answer)


class _Peak(threading.Thread):
    """Watches the resident memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self._ended = threading.Event()
        self._process = psutil.Process(pid)

    def run(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.most = max(self.most, self._now())

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _now(self) -> int:
        total = 0
        try:
            tree = [self._process, *self._process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0
        for process in tree:
            try:
                total += process.memory_info().rss
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return total
