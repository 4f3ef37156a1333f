"""Processes: no worker outlives its command, and each ends with its true exit code."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ABORTS_AT_EXIT = "tensorflow_io"
"""A library that aborts the process in an orderly exit once it has used S3."""
ORPHAN_CHECK_SECONDS = 0.1


def stay_with(parent: int, last: Callable[[], object] | None = None) -> None:
    """Make this process leave at once when `parent`, the command that started it, is gone.

    Args:
        parent: its process id.
        last: what is done before leaving, such as ending processes of its own.
    """
    threading.Thread(target=_end_with, args=(parent, last), daemon=True).start()


def leave_interrupts_to(parent: int) -> None:
    """As `stay_with`, for a worker whose command alone answers Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stay_with(parent)


def leave(code: int) -> None:
    """End this process at once with its true exit code where a library would abort it instead.

    Everything that was printed and logged is flushed first. Without such a library it returns.
    """
    if ABORTS_AT_EXIT not in sys.modules:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    logging.shutdown()
    os._exit(code)


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Start processes that ignore Ctrl-C from their first moment on, as they inherit it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


@contextmanager
def ended_by_term() -> Iterator[None]:
    """Take the signal that a machine going down or `kill` sends for Ctrl-C, to end in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _end_with(parent: int, last: Callable[[], object] | None) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK_SECONDS)
    try:
        if last is not None:
            last()
    finally:
        os._exit(1)
