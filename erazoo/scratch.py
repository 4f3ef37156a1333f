"""Temporary folders that go with their process: at its end, or with the next after a kill."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from typing_extensions import override

from erazoo.publish import LOCK


class Scratch(tempfile.TemporaryDirectory[str]):
    """A folder in TMPDIR, named `erazoo-KIND-*` and locked while this process lives.

    Those of the same kind and user whose process is gone are removed first: it was killed.

    Args:
        kind: what it is for.
    """

    def __init__(self, kind: str) -> None:
        prefix = f"erazoo-{kind}-"
        _sweep(prefix)
        super().__init__(prefix=prefix)
        held = self.path / "held"
        self._held = held.open("wb")
        fcntl.flock(self._held, fcntl.LOCK_EX)
        held.rename(self.path / LOCK)  # only a name that is locked already is ever swept

    @override
    def cleanup(self) -> None:
        """Remove the folder; only then its lock is free."""
        super().cleanup()
        self._held.close()

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.name)


def _sweep(prefix: str) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):  # gone meanwhile, or the lock is held
            if folder.lstat().st_uid != os.getuid():
                continue
            with (folder / LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
