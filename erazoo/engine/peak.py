"""The memory that this process and all that it starts hold, watched while they work."""

from __future__ import annotations

import os
import threading
import time
from typing import Self

from erazoo.engine.tree import Tree, own_peak_mb, pause_after


class PeakMemory:
    """Watches a block of work: its Java servers and other programs count too.

    The sum over processes is taken as often as the engine takes it of a job; what this process
    alone held since it began is known exactly.
    """

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._tree = Tree(os.getpid())
        self._watcher.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._watcher.join()

    @property
    def mb(self) -> float:
        """The most so far, in MiB."""
        return max(self._tree.peak_mb, own_peak_mb())

    def _watch(self) -> None:
        taken = 0.0
        while not self._ended.wait(pause_after(taken)):
            begun = time.monotonic()
            self._tree.look()
            taken = time.monotonic() - begun
