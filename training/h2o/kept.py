"""One server for all fits of a model that run in one process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from erazoo.logs import LOGGER
from training.h2o.server import H2OServer


class Keeper:
    """Keeps a server between fits: it starts with the first and ends with the keeper.

    Args:
        folder: of the server; it is gone when the keeper closes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server: H2OServer | None = None

    @contextmanager
    def server(self, log: Path, memory_mb: int, threads: int) -> Iterator[H2OServer]:
        """The server for a fit. What fails takes it along: the next fit begins on a new one.

        Args:
            log: takes what the server says during the fit.
            memory_mb: of the Java heap, in MiB; other than the kept server's, a new one starts.
            threads: of the server, at most; likewise.
        """
        server = self._kept(memory_mb, threads)
        if server is None:
            server = H2OServer(self.folder, log, memory_mb, threads)
            self._server = server.__enter__()
        server.log = log
        try:
            yield server
        except BaseException:
            self.close()
            raise
        server.pass_on()

    def close(self) -> None:
        """End the server and remove its folder, also one that a killed process left."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _kept(self, memory_mb: int, threads: int) -> H2OServer | None:
        """The server of the fit before, where it lives and is what is wanted."""
        server = self._server
        if server is None:
            return None
        if (server.memory_mb, server.threads) == (memory_mb, threads) and not server.end:
            return server
        if server.end:
            LOGGER.warning("the H2O server %s between two fits; another is started", server.end)
        self.close()
        return None


_KEEPER: ContextVar[Keeper | None] = ContextVar("keeper of H2O's server", default=None)


@contextmanager
def kept_server(folder: Path) -> Iterator[None]:
    """Let fits within this block share a server; it ends with the block.

    Args:
        folder: of the server; it is there only while the server is.
    """
    keeper = Keeper(folder)
    token = _KEEPER.set(keeper)
    try:
        yield
    finally:
        _KEEPER.reset(token)
        keeper.close()


@contextmanager
def server_for(folder: Path, log: Path, memory_mb: int, threads: int) -> Iterator[H2OServer]:
    """A server for a fit: the one that is kept, else one of its own, gone with this block.

    Args:
        folder: of a server of its own.
        log: takes what the server says during the fit.
        memory_mb: of the Java heap, in MiB.
        threads: of the server, at most.
    """
    keeper = _KEEPER.get()
    served = (
        H2OServer(folder, log, memory_mb, threads)
        if keeper is None
        else keeper.server(log, memory_mb, threads)
    )
    with served as server:
        yield server
