"""One model, one process: its libraries, its memory and its death stay its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

from erazoo.config import Config, describe
from erazoo.errors import ErazooError
from erazoo.logs import LOGGER, set_up
from erazoo.processes import leave, stay_with
from erazoo.publish import make_dir, write_json
from erazoo.rundir import RunDir
from training.job import RESULT, model_dir
from training.loop import train_model

SHORT_SPIN = "1000"
"""How long OpenMP threads spin while they wait: the default makes a LightGBM fit beside two other
busy processes ten times slower and more, this costs nothing on an idle machine."""


def train_apart(
    config: Config,
    run: RunDir,
    name: str,
    *,
    verbose: bool = False,
    log_file: Path | None = None,
) -> dict[str, Any]:
    """Train one model in a process of its own.

    Returns:
        Its result; one with status `failed` and a reason where it failed or was killed.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    logs = (verbose, log_file)
    arguments = (describe(config), run.root, name, logs, os.getpid(), sender)
    worker = context.Process(target=_work, args=arguments, name=f"train {name}")
    os.environ.setdefault("GOMP_SPINCOUNT", SHORT_SPIN)
    worker.start()
    sender.close()
    try:
        answer = receiver.recv() if receiver.poll(None) else None
    except EOFError:
        answer = None
    except KeyboardInterrupt:
        worker.join(5)
        if worker.is_alive():
            worker.kill()
        raise
    worker.join()
    if answer is not None and answer["status"] == "interrupted":
        raise KeyboardInterrupt
    if answer is None:
        answer = {"status": "failed", "reason": _death(worker.exitcode), "exit_code": 1}
    if answer["status"] == "failed":
        return failure(config, run, name, answer["reason"], answer["exit_code"])
    return dict(answer)


def failure(
    config: Config, run: RunDir, name: str, reason: str, exit_code: int = 1
) -> dict[str, Any]:
    """The result of a model that failed, recorded in its folder."""
    entry = config.models[name]
    answer = {
        "name": name,
        "model": entry.model,
        "preset": entry.preset,
        "status": "failed",
        "reason": reason,
        "exit_code": exit_code,
    }
    write_json(make_dir(model_dir(run, name)) / RESULT, answer)
    return answer


def _work(
    config: dict[str, Any],
    root: Path,
    name: str,
    logs: tuple[bool, Path | None],
    parent: int,
    sender: Any,
) -> None:
    stay_with(parent)
    set_up(*logs, over_bar=True)
    try:
        answer = train_model(Config.model_validate(config), RunDir(root), name)
    except KeyboardInterrupt:
        answer = {"status": "interrupted"}
    except ErazooError as error:
        answer = {"status": "failed", "reason": error.message, "exit_code": error.exit_code}
    except MemoryError:
        answer = {"status": "failed", "reason": "out of memory", "exit_code": 1}
    except Exception as error:
        LOGGER.debug("%s failed", name, exc_info=True)
        answer = {"status": "failed", "reason": f"{type(error).__name__}: {error}", "exit_code": 1}
    sender.send(answer)
    sender.close()
    sys.stderr.flush()
    leave(0)


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = "; the system may be out of memory" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended with exit code {code} and no answer"
