"""What runs on the nodes of a Ray cluster: one attempt at a time in each of Ray's workers."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from erazoo import __version__
from erazoo.engine.job import Attempt
from erazoo.engine.watch import Order, Slot
from erazoo.errors import ConfigError

LOG_TAIL = 1 << 16
_slot = Slot()
"""Lives as long as Ray keeps the worker, so that jobs which may share a process find it again."""


def versions() -> str:
    """What has to be equal on all nodes."""
    return f"erazoo {__version__} on Python {platform.python_version()}"


def attempt(order: Order, expected: str) -> Attempt:
    """Run one attempt of a job on this node.

    The log goes where the command keeps it if that place is seen from here, and its end is
    brought back with the answer otherwise.

    Args:
        order: the job.
        expected: the versions of the command.

    Raises:
        ConfigError: this node has other versions.
    """
    if versions() != expected:
        raise ConfigError(
            f"the node {os.uname().nodename} has other versions than the command",
            received=versions(),
            expected=expected,
        )
    here = replace(order, paths=(*order.paths, *sys.path))
    if order.log.is_file():
        return _run(here)
    with TemporaryDirectory(prefix="erazoo-") as folder:
        log = Path(folder) / order.log.name
        return replace(_run(replace(here, log=log)), log=_tail(log))


def _run(order: Order) -> Attempt:
    import ray

    context = ray.get_runtime_context()
    gpus = [str(name) for name in context.get_accelerator_ids()["GPU"]]
    done = _slot.run(order, gpus)
    return replace(done, node=f"{done.node} {context.get_node_id()[:8]}")


def _tail(log: Path) -> str:
    with log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - LOG_TAIL))
        return stream.read().decode(errors="replace")
