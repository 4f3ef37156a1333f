"""Logs on stderr, secrets redacted, and progress for terminals and for plain streams."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from erazoo.errors import ErazooError

T = TypeVar("T")
SECRETS = ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY")
"""Credentials of the tournament."""
STORE_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
LOGGER = logging.getLogger("erazoo")


def redact(text: str) -> str:
    """Replace the value of every secret of the environment."""
    for name in (*SECRETS, *STORE_SECRETS):
        value = os.environ.get(name, "")
        if len(value) >= 4:
            text = text.replace(value, f"<{name}>")
    return text


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up(verbose: bool = False, file: Path | None = None, *, over_bar: bool = False) -> None:
    """Send logs to stderr, and to a file as well where one is given.

    Args:
        verbose: say everything.
        file: takes the logs too.
        over_bar: another process may show a progress bar on the same terminal; a line takes its
            place, and it is drawn again below.
    """
    level = logging.DEBUG if verbose else logging.INFO
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(file, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(_Redacting("%(asctime)s %(message)s", "%H:%M:%S"))
    if over_bar and sys.stderr.isatty():
        handlers[0].setFormatter(_Redacting("\r\033[K%(asctime)s %(message)s", "%H:%M:%S"))
    LOGGER.handlers = handlers
    LOGGER.setLevel(level)
    LOGGER.propagate = False


def progress(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` with a bar on a terminal, and a plain line every ten seconds elsewhere."""
    if sys.stderr.isatty():
        yield from _bar(items, label, total)
        return
    begun = last = time.monotonic()
    for count, item in enumerate(items, start=1):
        yield item
        if (now := time.monotonic()) - last >= 10:
            last = now
            of = f" of {total}" if total else ""
            LOGGER.info("%s: %d%s, %.0f s", label, count, of, now - begun)


def _bar(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import track

    yield from track(
        items, description=label, total=total, console=Console(stderr=True), transient=True
    )


@contextmanager
def quiet_native() -> Iterator[None]:
    """Hold back what native libraries write to stderr on their own, unless logs are verbose.

    It is written after all when the block fails without words of our own, which it may explain.
    """
    if LOGGER.isEnabledFor(logging.DEBUG):
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except ErazooError:
            raise
        except Exception:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
