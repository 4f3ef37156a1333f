"""A headless Chromium, spoken to through a pipe by the DevTools protocol: no port, no library.

Source: https://chromedevtools.github.io/devtools-protocol (`--remote-debugging-pipe`).
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from erazoo.errors import ErazooError, MissingExtraError
from erazoo.machine import BROWSERS

PATIENCE = 120.0
"""Seconds that an answer may take."""
FLAGS = (
    "--headless",
    "--no-sandbox",  # root has no sandbox in most containers; only our own pages are opened
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_READ, _WRITTEN = 3, 4
"""Descriptors that Chromium reads commands from and writes answers to."""


class BrowserError(ErazooError):
    """A browser that does not answer, or a page that fails in it."""


def find_browser() -> str:
    """The path of a Chromium.

    Raises:
        MissingExtraError: there is none.
    """
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise MissingExtraError(
            "pictures need a Chromium, and none is installed",
            expected=f"one of {', '.join(BROWSERS)}",
            hint="Install one, or save figures by the buttons of the page",
        )
    return found


class Browser:
    """One browser with one page, closed with the block.

    Attributes:
        events: what the page reported so far, in order: `{"method", "params"}`.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._count = 0
        self._rest = b""
        self._answers: dict[int, dict[str, Any]] = {}
        self._session: str | None = None

    def __enter__(self) -> Self:
        path = find_browser()
        self._profile = Path(tempfile.mkdtemp(prefix="erazoo-browser-"))
        self._pid, self._to, self._from = _spawn(path, self._profile)
        try:
            target = self.send("Target.createTarget", url="about:blank")["targetId"]
            attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.send(f"{domain}.enable")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def open(self, url: str) -> None:
        """Go to a page; returns once it has loaded."""
        seen = len(self.events)
        self.send("Page.navigate", url=url)
        loaded = lambda: any(e["method"] == "Page.loadEventFired" for e in self.events[seen:])
        self._read_until(loaded, "the opening of a page")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; promises are awaited.

        Raises:
            BrowserError: it throws.
        """
        said = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if details := said.get("exceptionDetails"):
            thrown = details.get("exception", {}).get("description") or details["text"]
            raise BrowserError("a script failed in the page", received=thrown)
        return said["result"].get("value")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result.

        Raises:
            BrowserError: the browser refuses it, ends or does not answer.
        """
        self._count += 1
        number = self._count
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        self._write(json.dumps(message).encode() + b"\0")
        self._read_until(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"the browser refused {method}", received=answer["error"]["message"])
        return dict(answer["result"])

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._to, data) :]
        except BrokenPipeError:
            raise BrowserError("the browser ended before its work was done") from None

    def _read_until(self, met: Callable[[], bool], what: str) -> None:
        """Sort messages into answers and events until a condition is met."""
        until = time.monotonic() + PATIENCE
        while not met():
            ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise BrowserError(f"the browser did not answer {what} in {PATIENCE:.0f} s")
            data = os.read(self._from, 1 << 20)
            if not data:
                raise BrowserError("the browser ended before its work was done")
            *whole, self._rest = (self._rest + data).split(b"\0")
            for message in map(json.loads, whole):
                if "id" in message:
                    self._answers[message["id"]] = message
                else:
                    self.events.append(message)

    def _end(self) -> None:
        """Close the pipes, which ends the browser, and wait for it."""
        os.close(self._to)
        os.close(self._from)
        until = time.monotonic() + 5
        while os.waitpid(self._pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > until:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                break
            time.sleep(0.02)
        # Its helpers end a moment later, and may still write.
        until = time.monotonic() + 5
        while self._profile.exists() and time.monotonic() < until:
            shutil.rmtree(self._profile, ignore_errors=True)


def _spawn(path: str, profile: Path) -> tuple[int, int, int]:
    """Start a browser; its process, and our ends of the pipes to and from it.

    `subprocess` cannot place descriptors at given numbers; `posix_spawn` can.
    """
    to_them, ours_to = os.pipe()
    ours_from, from_them = os.pipe()
    # Out of the way of the two numbers that the browser expects.
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 16) for end in (to_them, from_them)]
    quiet = os.open(os.devnull, os.O_RDWR)
    moves = [
        (os.POSIX_SPAWN_DUP2, quiet, 0),
        (os.POSIX_SPAWN_DUP2, quiet, 1),
        (os.POSIX_SPAWN_DUP2, quiet, 2),
        (os.POSIX_SPAWN_DUP2, ends[0], _READ),
        (os.POSIX_SPAWN_DUP2, ends[1], _WRITTEN),
    ]
    words = [path, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    try:
        pid = os.posix_spawn(path, words, os.environ, file_actions=moves)
    finally:
        for end in (to_them, from_them, quiet, *ends):
            os.close(end)
    return pid, ours_to, ours_from
