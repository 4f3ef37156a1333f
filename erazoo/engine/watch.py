"""Starting the process of a job, watching it, and ending it with all that it started."""

from __future__ import annotations

import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from erazoo.engine.job import Attempt, Job, State
from erazoo.engine.limits import environment
from erazoo.engine.tree import LOOK_SECONDS, Tree, pause_after

GRACE_SECONDS = 10.0
"""For a process that has answered to leave, or that was interrupted to answer."""
REUSES = 200


@dataclass(frozen=True)
class Order:
    """A job with what its process is told beside it.

    Attributes:
        job: to be run.
        log: takes everything it prints.
        folder: that it works in, where there is one of that name on its machine.
        paths: where its modules are looked for.
        verbose: whether its log is.
        command: a process of this machine, with which the job ends; 0 is only the watching one.
    """

    job: Job
    log: Path
    folder: str
    paths: tuple[str, ...]
    verbose: bool = False
    command: int = 0


class Slot:
    """A place where one job runs at a time; it keeps the process of jobs that may share one."""

    def __init__(self) -> None:
        self._child: _Child | None = None

    def run(self, order: Order, gpus: Sequence[str] = ()) -> Attempt:
        """Run one attempt of a job; whatever happens to it ends in what is answered.

        Args:
            order: the job.
            gpus: the devices that it is given.

        Raises:
            KeyboardInterrupt: after the job's process and all that it started have ended.
        """
        begun = time.monotonic()
        wanted = environment(order.job.needs, gpus, order.paths)
        if self._child is not None and not (order.job.reuse and self._child.serves(wanted)):
            self.close()
        if self._child is None:
            self._child = _Child(wanted, order)
        try:
            attempt = self._child.run(order, begun)
        except BaseException:
            self._child.interrupt()
            self._child = None
            raise
        if not order.job.reuse or self._child.worn(order.job):
            self.close()
        return replace(attempt, node=os.uname().nodename)

    def close(self) -> None:
        """End the process that is kept."""
        child, self._child = self._child, None
        if child is not None:
            child.close()


class _Child:
    """A process of `erazoo.engine.child`."""

    def __init__(self, wanted: dict[str, str], order: Order) -> None:
        self._wanted, self._served = wanted, 0
        command = [sys.executable, "-P", "-m", "erazoo.engine.child", str(os.getpid())]
        with order.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=wanted,
                cwd=order.folder if Path(order.folder).is_dir() else None,
                start_new_session=True,
            )
        self._tree = Tree(self._process.pid)

    def serves(self, wanted: dict[str, str]) -> bool:
        """Whether a job with this environment can run here now."""
        return self._wanted == wanted and self._process.poll() is None

    def worn(self, job: Job) -> bool:
        """Whether the next job gets a new process: this one is gone, old or holds much memory."""
        heavy = job.needs.memory_mb and self._tree.memory_mb > job.needs.memory_mb / 2
        return bool(heavy) or self._served >= REUSES or self._process.poll() is not None

    def run(self, order: Order, begun: float) -> Attempt:
        answer = order.log.with_suffix(".answer")
        self._served += 1
        self._tree = Tree(self._process.pid)
        self._send(order, answer)
        ended = self._watch(order, begun)
        seconds = time.monotonic() - begun
        if ended is not None:
            self._tree.end()
        self._tree.look()
        facts = ended or _read(answer)
        answer.unlink(missing_ok=True)
        facts["cpu_seconds"] = max(self._tree.cpu_seconds, facts.get("cpu_seconds", 0.0))
        facts["peak_mb"] = max(self._tree.peak_mb, facts.get("peak_mb", 0.0))
        if order.job.reuse:
            self._tree.end_started()
        return Attempt(**facts, seconds=seconds)

    def interrupt(self) -> None:
        """Tell the job to stop, give it a moment to do so in order, and end everything."""
        try:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)
                self._answered(GRACE_SECONDS)
        finally:
            self._end()

    def close(self) -> None:
        """Let the process leave in order, and end what it leaves behind."""
        try:
            self._tree.look()
            self._close_stdin()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_SECONDS)
        finally:
            self._end()

    def _send(self, order: Order, answer: Path) -> None:
        message = {
            "call": order.job.call,
            "arguments": dict(order.job.arguments),
            "log": str(order.log),
            "answer": str(answer),
            "verbose": order.verbose,
        }
        with suppress(BrokenPipeError):  # it is dead, which watching it will tell
            self._stdin.write(json.dumps(message).encode() + b"\n")
            self._stdin.flush()

    def _watch(self, order: Order, begun: float) -> dict[str, Any] | None:
        """Wait for the job's answer; else how it ended without one."""
        deadline = begun + (order.job.timeout_s or math.inf)
        pause = LOOK_SECONDS[0]
        while not self._answered(max(0.0, min(pause, deadline - time.monotonic()))):
            looked = time.monotonic()
            if ended := self._ended(order, looked >= deadline):
                return ended
            pause = pause_after(time.monotonic() - looked)
        return None

    def _ended(self, order: Order, late: bool) -> dict[str, Any] | None:
        """Why the job has ended or has to end; None where it may go on."""
        if self._process.poll() is not None:
            return _ended("died", _death(self._process.returncode))
        if late:
            return _ended("timeout", f"it took longer than {order.job.timeout_s:g} s")
        if order.command and not psutil.pid_exists(order.command):
            return _ended("interrupted", "its command is gone")
        self._tree.look()
        limit = order.job.needs.memory_mb
        if limit and self._tree.exceeds(limit):
            held = f"it held {self._tree.memory_mb:.0f} MiB, {limit} MiB are allowed"
            return _ended("memory", held)
        return None

    def _answered(self, seconds: float) -> bool:
        """Wait for the byte that follows an answer; false after `seconds` or a death."""
        readable, _, _ = select.select([self._stdout], [], [], seconds)
        if not readable:
            return False
        if os.read(self._stdout.fileno(), 1):
            return True
        try:
            self._process.wait(LOOK_SECONDS[1])
        except subprocess.TimeoutExpired:  # it closed the channel that its answer would come by
            self._process.kill()
        return False

    def _end(self) -> None:
        self._tree.end()
        self._close_stdin()
        self._stdout.close()
        self._process.wait()

    def _close_stdin(self) -> None:
        with suppress(BrokenPipeError):
            self._stdin.close()

    @property
    def _stdin(self) -> Any:
        return self._process.stdin

    @property
    def _stdout(self) -> Any:
        return self._process.stdout


def _ended(state: State, reason: str) -> dict[str, Any]:
    return {"state": state, "reason": reason, "exit_code": 1}


def _read(answer: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return facts


def _death(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; the system may be out of memory" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended with exit code {code} and no answer"
