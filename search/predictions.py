"""`predictions.f32`: a row of float32 for each configuration, in the order of `rows.npz`.

A slot is written once, before the line in `results.jsonl` that names it; slots that were never
written take no space. What is stored is the prediction without the fold's offset (`offsets` of the
line): float32 keeps so the order of rows that slow learning rates have moved little.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ArtifactError

SIZE = 4
CHUNK_BYTES = 1 << 28
WIDE = 256
"""Configurations that are looked at together, at most."""


class PredictionFile:
    """The file of a study's predictions.

    Args:
        path: of the file.
        rows: predicted rows.
    """

    def __init__(self, path: Path, rows: int) -> None:
        self.path, self.rows = path, rows

    def write(self, slot: int, start: int, values: NDArray[np.float32]) -> None:
        """Write some rows of a slot.

        Args:
            slot: of the configuration.
            start: the first row.
            values: (m,) without the offset.

        Raises:
            OSError: the disk took only a part of it.
        """
        content = np.ascontiguousarray(values, dtype="<f4").tobytes()
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            place = (slot * self.rows + start) * SIZE
            if os.pwrite(handle, content, place) != len(content):
                raise OSError(f"predictions could not be written: {self.path}")
        finally:
            os.close(handle)

    def flush(self) -> None:
        """Bring everything to the disk, so that it outlives a power cut."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.fdatasync(handle)
        finally:
            os.close(handle)

    def read(
        self, slots: Sequence[int], rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """The stored values of some slots, (R, len(slots)), a contiguous column each.

        Args:
            slots: of the configurations.
            rows: (R,) places of the rows that are wanted; all where None.

        Raises:
            ArtifactError: a slot ends early.
        """
        first, last = (0, self.rows) if rows is None else (int(rows.min()), int(rows.max()) + 1)
        found = np.empty((len(slots), self.rows if rows is None else len(rows)), np.float32)
        whole = np.empty(last - first, dtype="<f4")
        with self.path.open("rb", buffering=0) as stream:
            for column, slot in zip(found, slots, strict=True):
                stream.seek((slot * self.rows + first) * SIZE)
                if stream.readinto(whole) != whole.nbytes:  # type: ignore[arg-type]
                    raise ArtifactError(
                        "predictions of mining are not whole", received=f"{self.path}, slot {slot}"
                    )
                column[:] = whole if rows is None else whole[rows - first]
        return found.T


def stretches(slots: Sequence[int], rows: int) -> Iterator[Sequence[int]]:
    """Slots in stretches of at most `WIDE`, of which so many rows take at most 256 MB."""
    wide = min(WIDE, max(1, CHUNK_BYTES // (SIZE * max(rows, 1))))
    for first in range(0, len(slots), wide):
        yield slots[first : first + wide]
