"""Calls that the engine's tests run as jobs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from erazoo.errors import ConfigError, DataError


def echo(**arguments: Any) -> dict[str, Any]:
    return arguments


def note(path: str, word: str, seconds: float = 0.0) -> str:
    """Append a line to a file once the work is done, so that repeats are seen."""
    time.sleep(seconds)
    with Path(path).open("a") as stream:
        stream.write(f"{word}\n")
    return word


def flag(path: str, seconds: float) -> str:
    """Say that the work has begun, and sleep."""
    Path(path).write_text(str(os.getpid()))
    time.sleep(seconds)
    return "awake"


def fail(path: str = "", times: int = 10**6) -> int:
    """Fail, but for the calls after so many; they are counted in a file."""
    count = 1
    if path:
        with Path(path).open("a") as stream:
            stream.write("x")
        count = Path(path).stat().st_size
    if count <= times:
        raise ValueError(f"call {count} fails")
    return count


def wrong_data() -> None:
    raise DataError("the data are bad", received=3)


def wrong_option() -> None:
    raise ConfigError("the option is bad")


def leave(code: int) -> None:
    os._exit(code)


def system_exit() -> None:
    sys.exit("no more")


def kill_itself(by: str = "SIGKILL") -> None:
    os.kill(os.getpid(), signal.Signals[by])
    time.sleep(30)


def hold(mb: int, seconds: float = 30.0) -> int:
    held = bytearray(mb << 20)
    held[::4096] = b"x" * len(held[::4096])
    time.sleep(seconds)
    return len(held)


def hold_below(mb: int, seconds: float = 30.0) -> int:
    """Leave the holding to a process that a process started in a session of its own."""
    words = f"import time; held = b'x' * ({mb} << 20); time.sleep({seconds})"
    between = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {words!r}])"
    return subprocess.run([sys.executable, "-c", between], start_new_session=True).returncode


def hold_and_fork(mb: int, forks: int, seconds: float) -> int:
    """Share pages with forked processes, which count once."""
    held = bytearray(mb << 20)
    held[::4096] = b"x" * len(held[::4096])
    for _ in range(forks):
        if os.fork() == 0:
            time.sleep(seconds)
            os._exit(0)
    time.sleep(seconds)
    return len(held)


def memory_error() -> None:
    raise MemoryError


def spin(seconds: float) -> None:
    begun = time.process_time()
    while time.process_time() - begun < seconds:
        pass


def chatter(mb: int) -> int:
    line = "chatter " * 128
    for _ in range(mb << 10):
        print(line)
    print("the end", file=sys.stderr)
    os.system("echo from a shell")
    return mb


def not_json() -> object:
    return {"a": {1, 2}}


def not_a_number() -> float:
    return float("nan")


def much(size: int) -> str:
    return "x" * size


def read_stdin() -> str:
    return sys.stdin.read()


def environment(**wanted: str) -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in wanted}


def blas_threads() -> int:
    """How many threads the BLAS of numpy uses."""
    import numpy as np  # noqa: F401
    from threadpoolctl import threadpool_info

    return max(pool["num_threads"] for pool in threadpool_info())


def who() -> int:
    return os.getpid()


def leave_behind(path: str) -> None:
    """Start three processes that outlive the call: a child, one in a session of its own, and a
    grandchild whose parent is gone."""
    sleeper = [sys.executable, "-c", "import time; time.sleep(120)"]
    pids = [
        subprocess.Popen(sleeper).pid,
        subprocess.Popen(sleeper, start_new_session=True).pid,
    ]
    options = "start_new_session=True, stdout=subprocess.DEVNULL"
    middle = f"import subprocess; print(subprocess.Popen({sleeper!r}, {options}).pid)"
    answer = subprocess.run([sys.executable, "-c", middle], stdout=subprocess.PIPE, check=True)
    pids.append(int(answer.stdout))
    Path(path).write_text(" ".join(map(str, pids)))


def leave_behind_and_die(path: str) -> None:
    leave_behind(path)
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


def stop_in_order(path: str, seconds: float = 60) -> None:
    """Note whether a stop let the call put its things in order, beside a process of its own."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    try:
        Path(path).write_text(f"{os.getpid()} {sleeper.pid}")
        time.sleep(seconds)
    finally:
        Path(path).write_text("in order")


def ignore_stops(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            continue


_kept: list[bytearray] = []


def keep(mb: int) -> int:
    """Hold memory beyond the call."""
    _kept.append(bytearray(b"x" * (mb << 20)))
    return os.getpid()


def span(path: str, seconds: float) -> None:
    """Note when the call begins and when it ends."""
    for step in (1, -1):
        with Path(path).open("a") as stream:
            stream.write(f"{time.monotonic():.3f} {step}\n")
        if step == 1:
            time.sleep(seconds)
