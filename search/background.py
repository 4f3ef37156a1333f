"""A driver in a process of its own: started, and told to stop."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from erazoo.errors import ConfigError, StaleDataError, TrainingError
from erazoo.publish import LOCK, make_dir
from search.folder import MineDir
from search.progress import read_state

START_SECONDS, STOP_SECONDS, LOOK_SECONDS = 120.0, 60.0, 0.1


def start_driver(folder: MineDir, run_dir: Path) -> int:
    """Start a driver that outlives this process and its terminal; wait until it holds the folder.

    Args:
        folder: of the study, whose configuration is recorded there.
        run_dir: of the experiment.

    Returns:
        Its process id.

    Raises:
        TrainingError: it has ended at once; the last line of its log is named.
    """
    command = [sys.executable, "-m", "erazoo", "mine", "start", "--foreground"]
    own = ["--config", str(folder.config.absolute()), "--run-dir", str(run_dir.absolute())]
    paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path if path)
    make_dir(folder.root)
    with folder.log.open("ab") as log, Path(os.devnull).open("rb") as nothing:
        begin = log.tell()
        process = subprocess.Popen(
            [*command, *own],
            stdin=nothing,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": paths},
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while not _holds(folder, process.pid) and time.monotonic() < deadline:
        if process.poll() is not None:
            break
        time.sleep(LOOK_SECONDS)
    if process.poll():
        raise TrainingError("mining has ended at once", received=_last_line(folder.log, begin))
    return process.pid


def stop_driver(folder: MineDir) -> bool:
    """Tell the driver of a study to stop, and wait until it has; running trials are lost.

    Returns:
        Whether there was one.

    Raises:
        ConfigError: it runs on another machine, or does not end.
    """
    if not folder.is_mined():
        return False
    state = read_state(folder)
    if not _holds(folder, state["process"]):
        raise ConfigError(
            "the study is being prepared, and nothing is mined yet",
            received=str(folder.root),
            hint="Try again in a minute",
        )
    if state["machine"] != platform.node():
        raise ConfigError(
            "the driver runs on another machine",
            received=state["machine"],
            hint="Run `erazoo mine stop` there",
        )
    try:
        psutil.Process(state["process"]).send_signal(signal.SIGTERM)
    except psutil.NoSuchProcess:
        raise StaleDataError(
            "the driver that holds the study is not the one it says", received=state["process"]
        ) from None
    deadline = time.monotonic() + STOP_SECONDS
    while folder.is_mined():
        if time.monotonic() > deadline:
            raise ConfigError("the driver does not end", received=f"process {state['process']}")
        time.sleep(LOOK_SECONDS)
    return True


def _holds(folder: MineDir, process: int) -> bool:
    """Whether it is this process that holds a study."""
    lock = folder.root / LOCK
    return folder.is_mined() and lock.read_text(encoding="ascii").strip() == f"process {process}"


def _last_line(log: Path, begin: int) -> str:
    with log.open("rb") as stream:
        stream.seek(begin)
        lines = stream.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "nothing in its log"
