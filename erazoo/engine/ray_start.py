"""Starting Ray on this machine alone, or finding a cluster."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from erazoo.config.schema import EngineSection
from erazoo.engine.tree import MIB
from erazoo.errors import MissingExtraError, RemoteError
from erazoo.logs import LOGGER
from erazoo.machine import cores, memory_limit

STORE_BYTES = 80 * MIB
"""The least object store that Ray accepts; nothing but orders and answers passes through Ray."""
STARTS = 3
"""Ray gives up after 30 s, in which a machine that is busy with other things may not get there."""
CONNECT_SECONDS = 10
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
"""Ray listens on loopback alone where it takes clusters for impossible, as on those systems. It
reads both once, when it is loaded."""
TOKEN = "RAY_AUTH_TOKEN"  # noqa: S105 - the name of a variable


class Ray:
    """The Ray of this process: found as it is, connected to a cluster, or started here.

    One that is started here reports nothing to anyone and leaves no files; it listens on loopback
    alone, to those who know its token, unless this process has loaded ray before: then it listens
    as Ray does by default.

    Args:
        settings: the address of a cluster; the share of this machine's memory to hand out.
        resources: names and amounts that a Ray started here has beside its cores and memory.

    Raises:
        MissingExtraError: ray is not installed.
        RemoteError: it cannot be started, or there is no cluster at the address.
    """

    def __init__(self, settings: EngineSection, resources: Mapping[str, int]) -> None:
        alone = ALONE if not settings.ray_address and "ray" not in sys.modules else {}
        for name, value in {**QUIET, **alone}.items():
            os.environ.setdefault(name, value)
        if alone:
            os.environ.setdefault(TOKEN, secrets.token_hex(32))
        self.module = _module()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._mine = not self.module.is_initialized()
        if self._mine and settings.ray_address:
            self._connect(settings.ray_address)
        elif self._mine:
            self._start(settings.memory_share, resources)

    @property
    def command(self) -> int:
        """The process without which jobs may not go on; 0 where Ray itself sees to that.

        A Ray that was started here outlives a killed command by many seconds.
        """
        return os.getpid() if self._folder is not None else 0

    def close(self) -> None:
        """End what was started or connected here."""
        if self._mine:
            self.module.shutdown()
        if self._folder is not None:
            self._folder.cleanup()

    def _connect(self, address: str) -> None:
        try:
            if address != "auto":
                host, _, port = address.rpartition(":")
                socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
            self.module.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
        except (OSError, RuntimeError, ValueError) as error:
            raise RemoteError(
                "the Ray cluster cannot be reached",
                received=f"{address} ({str(error).strip().splitlines()[0]})",
                expected="HOST:PORT of its head, the same versions of Python and ray on both, "
                "and this machine to be one of its nodes",
            ) from None

    def _start(self, memory_share: float, resources: Mapping[str, int]) -> None:
        for left in reversed(range(STARTS)):
            self._folder = tempfile.TemporaryDirectory(
                prefix="ray-", dir="/tmp", ignore_cleanup_errors=True
            )  # the paths of its sockets must be short
            try:
                self._init(self._folder.name, memory_share, resources)
            except Exception as error:
                self.close()
                if not left:
                    raise RemoteError("Ray does not start here", received=error) from error
                LOGGER.info("Ray did not start in time; starting it again")
            else:
                return

    def _init(self, folder: str, memory_share: float, resources: Mapping[str, int]) -> None:
        self.module.init(
            address="local",
            num_cpus=cores(),
            resources=dict(resources),
            object_store_memory=STORE_BYTES,
            include_dashboard=False,
            logging_level=logging.ERROR,
            log_to_driver=False,
            _memory=int(memory_share * memory_limit() * 1024) * MIB,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )


def _module() -> Any:
    try:
        return import_module("ray")
    except ImportError:
        raise MissingExtraError(
            "many jobs at once run on ray, which is not installed",
            hint="Run `pip install -r requirements.txt`, or one job at a time: "
            "--set engine.backend=serial",
        ) from None
