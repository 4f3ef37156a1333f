"""A local H2O server: on loopback, gone with its block, what it says kept."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from erazoo.errors import ErazooError, TrainingError
from erazoo.guarded import Guarded
from erazoo.java import find_java
from erazoo.logs import LOGGER
from erazoo.publish import make_dir
from training.h2o.program import h2o_jar

START_SECONDS = 180
LOOK_SECONDS = 0.1
LOWEST_PORT, PORTS = 20_000, 20_000
USER, LOOPBACK = "erazoo", "127.0.0.1"
OUT_OF_MEMORY = 3
"""The exit code of a JVM with `ExitOnOutOfMemoryError`."""


class H2OServer:
    """A server on loopback, behind a password of its own, that this process is connected to.

    It looks for a free port from a random one upwards, so that several can run side by side. It
    never outlives this process. Memory: a Java heap of `memory_mb`; H2O's XGBoost, threads and
    code take more beside it.

    Args:
        folder: for what the server writes; removed with the server.
        log: takes what the server said, when it stops and by `pass_on`; may be set anew.
        memory_mb: of the Java heap, in MiB.
        threads: of the server, at most.
    """

    def __init__(self, folder: Path, log: Path, memory_mb: int, threads: int) -> None:
        self.folder, self.log = folder, log
        self.memory_mb, self.threads = memory_mb, threads
        self._program: Guarded | None = None
        self._passed = 0

    def __enter__(self) -> Self:
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("ice", "logs", "tmp"):
            make_dir(self.folder / name)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server and remove its folder."""
        with suppress(ImportError), quiet_client():
            import h2o

            if h2o.connection() is not None:
                h2o.connection().close()
        if self._program is not None:
            self._program.kill()
        self.pass_on()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def end(self) -> str:
        """How the server ended, in words; empty while it runs."""
        return "" if self._program is None else self._program.end

    def pass_on(self) -> None:
        """Append to the log what the server has said since this was last called."""
        with suppress(FileNotFoundError), self._output.open("rb") as said:
            said.seek(self._passed)
            text = said.read()
            self._passed = said.tell()
            make_dir(self.log.parent)
            with self.log.open("ab") as stream:
                stream.write(text)

    @contextmanager
    def working(self) -> Iterator[None]:
        """A block of work on the server, whose failures become one line.

        Raises:
            TrainingError: the server ended in the middle, or H2O refused what it was asked.
        """
        try:
            with quiet_client():
                yield
        except ErazooError:
            raise
        except Exception as error:
            LOGGER.debug("H2O failed", exc_info=True)
            if self._program is not None and self._program.wait(seconds=1):
                raise self._gone() from None
            raise TrainingError(f"H2O failed: {_first_line(error)}") from None

    def _start(self) -> None:
        jar = h2o_jar()
        import h2o

        password = secrets.token_hex(16)
        realm = write_login(self.folder / "realm", password)
        os.environ.update(past_proxies())
        self._program = Guarded(self._words(jar, realm), self._output)
        address = self._address(self._program)
        with self.working():
            h2o.connect(url=f"http://{address}", auth=(USER, password), verbose=False)
            h2o.no_progress()

    def _words(self, jar: Path, realm: Path) -> list[str | Path]:
        java: list[str | Path] = [find_java().path, f"-Xmx{self.memory_mb}m"]
        java += ["-XX:+UseParallelGC", "-XX:+ExitOnOutOfMemoryError"]
        port = LOWEST_PORT + secrets.randbelow(PORTS)
        return [
            *java,
            f"-Djava.io.tmpdir={self.folder / 'tmp'}",
            *("-jar", jar, "-ip", LOOPBACK, "-web_ip", LOOPBACK, "-baseport", str(port)),
            *("-name", f"erazoo-{secrets.token_hex(8)}", "-nthreads", str(self.threads)),
            *("-ice_root", self.folder / "ice", "-log_dir", self.folder / "logs"),
            *("-flow_dir", self.folder / "flow", "-notify_local", self._notice),
            *("-hash_login", "-login_conf", realm),
        ]

    @property
    def _output(self) -> Path:
        return self.folder / "output"

    @property
    def _notice(self) -> Path:
        """Where the server says its address once it serves."""
        return self.folder / "address"

    def _address(self, program: Guarded) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with suppress(FileNotFoundError):
                if text := self._notice.read_text(encoding="ascii").strip():
                    return text
            if program.wait(LOOK_SECONDS):
                raise self._gone()
        raise TrainingError(f"no H2O server after {START_SECONDS} s", hint=f"See {self.log}")

    def _gone(self) -> TrainingError:
        program = self._program
        hint = f"See {self.log}"
        if program is not None and program.code == OUT_OF_MEMORY:
            hint = f"It had {self.memory_mb} MiB; raise params.memory_mb"
        return TrainingError(f"the H2O server {self.end}", hint=hint)


@contextmanager
def quiet_client() -> Iterator[None]:
    """What h2o's client prints and warns of goes to the debug log."""
    said = io.StringIO()
    with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(said):
        warnings.simplefilter("always")
        try:
            yield
        finally:
            texts = [said.getvalue(), *(str(one.message) for one in warned)]
            for line in filter(None, (line.strip() for text in texts for line in text.split("\n"))):
                LOGGER.debug("h2o: %s", line)


def write_login(path: Path, password: str) -> Path:
    """Write the login of H2O to a file that only this user may read; the file."""
    path.touch(mode=0o600)
    path.write_text(f"{USER}: {password}\n", encoding="ascii")
    return path


def past_proxies() -> dict[str, str]:
    """Variables by which no proxy of the environment comes between a client and its own machine.

    H2O's client passes by `http_proxy` alone, and would send its password to an `all_proxy`.
    """
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    hosts = [host for part in named.split(",") if (host := part.strip())]
    return {"no_proxy": ",".join(dict.fromkeys([*hosts, LOOPBACK]))}


def _first_line(error: Any) -> str:
    """What H2O complains of, without its stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for mark in ("ERRR on field:", "Exception: ", "Error: "):
        for line in lines:
            if mark in line:
                return line.split(mark, 1)[1].strip()
    return lines[0] if lines else type(error).__name__
