"""What the engine takes and answers: jobs with their needs, outcomes with their reasons."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from erazoo.errors import ConfigError
from erazoo.publish import fingerprint

State = Literal["ok", "failed", "timeout", "memory", "died", "interrupted"]
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,=+-]{0,199}")
CALL = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Needs:
    """What a job takes of the machine while it runs.

    Args:
        cpus: cores that it is given.
        threads: that its libraries start; 0 is as many as `cpus`.
        memory_mb: MiB that are set aside for it and that end it when it takes more, counted over
            its process and all that it starts; 0 is neither.
        gpus: whole GPUs, or a share of one; with 0 it sees none.
    """

    cpus: int = 1
    threads: int = 0
    memory_mb: int = 0
    gpus: float = 0

    def __post_init__(self) -> None:
        whole = self.gpus <= 1 or float(self.gpus).is_integer()
        if self.cpus < 1 or min(self.threads, self.memory_mb, self.gpus) < 0 or not whole:
            raise ConfigError(
                "a job's needs cannot be met by any machine",
                received=self,
                expected="cpus from 1 on, nothing negative, and gpus whole or a share of one",
            )


@dataclass(frozen=True)
class Job:
    """A call that is run in a process of its own.

    Args:
        id: its name among all jobs of a folder; names its log file too.
        call: a function as `package.module:function`.
        arguments: of the call, by name, as plain JSON values. What the result depends on, such
            as a fingerprint of the data, belongs here: it decides whether a record still holds.
        needs: what it takes of the machine, and may not exceed.
        timeout_s: seconds after which an attempt is ended; None is never.
        retries: further attempts after one that failed or died. An attempt that took too long or
            too much memory would do so again and is not repeated.
        reuse: whether it may run in a process that ran such jobs before, which saves the start
            of Python and the imports. Such a job leaves the process as it found it.
    """

    id: str
    call: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    needs: Needs = Needs()
    timeout_s: float | None = None
    retries: int = 0
    reuse: bool = False

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id):
            expected = "up to 200 letters, digits and any of _ . , = + -"
            raise ConfigError("a job's id names a file", received=self.id, expected=expected)
        if not CALL.fullmatch(self.call):
            expected = "package.module:function"
            raise ConfigError("a job calls a function", received=self.call, expected=expected)
        try:
            json.dumps(dict(self.arguments), allow_nan=False)
        except (TypeError, ValueError) as error:
            what = f"the arguments of job {self.id!r} are not plain JSON values"
            raise ConfigError(what, received=error) from None
        seconds = self.timeout_s
        if self.retries < 0 or (seconds is not None and not 0 < seconds < math.inf):
            received = f"timeout_s = {seconds}, retries = {self.retries}"
            raise ConfigError(f"the limits of job {self.id!r} make no sense", received=received)

    @property
    def key(self) -> str:
        """What its value depends on."""
        return fingerprint({"call": self.call, "arguments": dict(self.arguments)})

    @property
    def limits(self) -> str:
        """What decides, beside `key`, whether it fails."""
        return fingerprint([asdict(self.needs), self.timeout_s, self.retries])


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One run of a job.

    Attributes:
        state: `ok`, or how it ended: the call raised (`failed`), it took too long (`timeout`) or
            too much (`memory`), its process ended without an answer (`died`) or was told to stop
            (`interrupted`).
        value: what the call returned, as JSON; None unless `ok`.
        reason: why it is not `ok`, in words.
        exit_code: that a command should end with because of it.
        seconds: of wall time, the start of its process included.
        peak_mb: the most memory, in MiB, that it and all that it started held together; pages
            that forked processes share count once for each.
        cpu_seconds: of processor time, of the same processes.
        node: the machine that it ran on.
        log: the end of its log where that lies on another machine.
        lost: whether its machine went away, which is not the job's own doing.
    """

    state: State
    value: Any = None
    reason: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0
    cpu_seconds: float = 0.0
    node: str = ""
    log: str = ""
    lost: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a job ended; the facts but for `attempts` are those of its last attempt.

    Attributes:
        id: of the job.
        attempts: how often it was started; 0 where no machine can hold it.
        log: the file that everything it printed went to.
        recorded: whether this was found in the folder instead of run.
        state, value, reason, exit_code, seconds, peak_mb, cpu_seconds, node: as in `Attempt`.
    """

    id: str
    attempts: int
    log: Path
    recorded: bool = False
    state: State
    value: Any = None
    reason: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0
    cpu_seconds: float = 0.0
    node: str = ""

    @property
    def ok(self) -> bool:
        """Whether the call returned."""
        return self.state == "ok"


def resolve(call: str) -> Callable[..., Any]:
    """Import the function that a job calls."""
    module, _, name = call.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function
