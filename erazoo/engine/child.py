"""The process that jobs run in: it reads orders from its stdin, one line each, until none comes.

Everything a job prints goes to its log. The answer to an order is a file of JSON, and then one
byte on what was stdout, which wakes the process that watches this one.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from erazoo.engine.job import resolve
from erazoo.engine.tree import end, own_peak_mb, started_by
from erazoo.errors import ErazooError
from erazoo.logs import LOGGER, set_up
from erazoo.processes import leave, stay_with
from erazoo.publish import atomic_file

VALUE_LIMIT = 1 << 20
ADOPT_ORPHANS = 36
"""`PR_SET_CHILD_SUBREAPER` of prctl: what a job starts stays below it, whatever that does."""
FIRST_TO_GO = "500"
RESET_PEAK = "5"


def main() -> None:
    """Run orders until stdin ends or the watching process is gone."""
    stay_with(int(sys.argv[1]), _end_started)
    orders, answers = _take_channels()
    _settle()
    for line in orders:
        order = json.loads(line)
        _between_jobs(Path(order["log"]))
        set_up(order["verbose"])
        answer = _measured(order["call"], order["arguments"])
        with atomic_file(Path(order["answer"]), durable=False) as temporary:
            temporary.write_text(json.dumps(answer), encoding="utf-8")
        os.write(answers, b"\n")
    leave(0)


def _take_channels() -> tuple[Any, int]:
    """Move stdin and stdout out of the way of jobs, which read nothing and print to stderr."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return orders, answers


def _settle() -> None:
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1, 0, 0, 0)
        with suppress(OSError):  # where memory runs out, the job goes before its command
            Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")


def _between_jobs(log: Path) -> None:
    """Send output to the log of the next job and forget what the one before left."""
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("ab") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(RESET_PEAK, encoding="ascii")


def _measured(call: str, arguments: dict[str, Any]) -> dict[str, Any]:
    begun = _cpu_seconds()
    answer = _answer(call, arguments)
    return {**answer, "cpu_seconds": _cpu_seconds() - begun, "peak_mb": own_peak_mb()}


def _answer(call: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        value = resolve(call)(**arguments)
    except KeyboardInterrupt:
        return {"state": "interrupted", "reason": "it was told to stop", "exit_code": 130}
    except MemoryError:
        return {"state": "memory", "reason": "Python could not get more memory", "exit_code": 1}
    except ErazooError as error:
        LOGGER.error("the job failed", exc_info=True)
        return {"state": "failed", "reason": error.message, "exit_code": error.exit_code}
    except (Exception, SystemExit) as error:
        LOGGER.error("the job failed", exc_info=True)
        reason = f"{type(error).__name__}: {error}".removesuffix(": ")
        return {"state": "failed", "reason": reason, "exit_code": 1}
    return _valued(value)


def _valued(value: Any) -> dict[str, Any]:
    """The answer of a call that returned, if its value can be kept."""
    try:
        size = len(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        reason = f"its value is not plain JSON: {error}"
    else:
        if size <= VALUE_LIMIT:
            return {"state": "ok", "value": value}
        reason = f"its value takes {size / 1e6:.1f} MB; a job keeps such things in files of its own"
    return {"state": "failed", "reason": reason, "exit_code": 1}


def _cpu_seconds() -> float:
    own, ended = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def _end_started() -> None:
    end(lambda: started_by(os.getpid()))


if __name__ == "__main__":
    main()
