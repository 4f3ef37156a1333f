"""Rows on their way through an external sort: appended to files, read back in order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

ERA, LENGTH = np.dtype(np.int32), np.dtype(np.int32)
NUMBER = np.dtype(np.float32)
TEXT_BYTES = 24
"""What an id is reckoned with: its characters and its length."""


@dataclass(frozen=True)
class Row:
    """What a row consists of beside its era and id.

    Args:
        features: columns of type `dtype`.
        dtype: int8 codes or float32.
        numbers: float32 columns.
    """

    features: tuple[str, ...]
    dtype: np.dtype[Any]
    numbers: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """On disk, an id of common length included."""
        wide = len(self.features) * self.dtype.itemsize + len(self.numbers) * NUMBER.itemsize
        return wide + ERA.itemsize + TEXT_BYTES


@dataclass(frozen=True)
class Rows:
    """Some rows: eras (n,), features (n, F), numbers (n, N) and ids as an Arrow array of texts."""

    eras: NDArray[np.int32]
    features: NDArray[Any]
    numbers: NDArray[np.float32]
    ids: Any

    def take(self, order: NDArray[np.int64]) -> Rows:
        """These rows in another order."""
        ids = self.ids.take(pa.array(order))
        return Rows(self.eras[order], self.features[order], self.numbers[order], ids)

    def slice(self, low: int, high: int) -> Rows:
        """The rows `low` to `high`."""
        part = slice(low, high)
        ids = self.ids.slice(low, high - low)
        return Rows(self.eras[part], self.features[part], self.numbers[part], ids)


class Bucket:
    """The rows of a few eras in the order in which they came, in five files of one stem.

    Args:
        stem: the files' path without their suffixes.
        row: what a row consists of.
        rows: rows that stand already.
        text: bytes of their ids.
    """

    def __init__(self, stem: Path, row: Row, rows: int = 0, text: int = 0) -> None:
        self.stem, self.row, self.rows, self.text = stem, row, rows, text

    def append(self, rows: Rows) -> None:
        """Add rows at the end."""
        offsets, text = _texts(rows.ids)
        parts = {
            "eras": rows.eras,
            "features": rows.features,
            "numbers": rows.numbers,
            "lengths": np.diff(offsets).astype(LENGTH),
            "ids": text,
        }
        for name, values in parts.items():
            with self._path(name).open("ab") as stream:
                stream.write(np.ascontiguousarray(values).data)
        self.rows += len(rows.eras)
        self.text += len(text)

    def sync(self) -> None:
        """Flush what was added to the disk."""
        for path in filter(Path.exists, map(self._path, self._sizes())):
            handle = os.open(path, os.O_RDWR)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def cut(self) -> bool:
        """Drop what was added after the known rows; False where these do not stand."""
        for name, size in self._sizes().items():
            path = self._path(name)
            held = path.stat().st_size if path.exists() else 0
            if held < size:
                return False
            if held > size:
                os.truncate(path, size)
        return True

    def remove(self) -> None:
        """Delete the files."""
        for name in self._sizes():
            self._path(name).unlink(missing_ok=True)

    def ordered(self, rows: int) -> Iterator[Rows]:
        """At most `rows` rows at a time by era, those of an era in the order in which they came."""
        eras = np.fromfile(self._path("eras"), ERA)
        order = np.argsort(eras, kind="stable")
        features = self._matrix("features", len(self.row.features), self.row.dtype)
        numbers = self._matrix("numbers", len(self.row.numbers), NUMBER)
        lengths = np.fromfile(self._path("lengths"), LENGTH)
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        text = self._path("ids").read_bytes()
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
        ids = pa.Array.from_buffers(pa.large_string(), len(eras), buffers)
        whole = Rows(eras, features, numbers, ids)
        for low in range(0, len(order), rows):
            yield whole.take(order[low : low + rows])

    def _matrix(self, name: str, columns: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        if columns == 0:
            return np.empty((self.rows, 0), dtype)
        return np.memmap(self._path(name), dtype, "r", shape=(self.rows, columns))

    def _sizes(self) -> dict[str, int]:
        return {
            "eras": self.rows * ERA.itemsize,
            "features": self.rows * len(self.row.features) * self.row.dtype.itemsize,
            "numbers": self.rows * len(self.row.numbers) * NUMBER.itemsize,
            "lengths": self.rows * LENGTH.itemsize,
            "ids": self.text,
        }

    def _path(self, name: str) -> Path:
        return self.stem.with_name(f"{self.stem.name}.{name}")


def _texts(ids: Any) -> tuple[NDArray[np.int64], bytes]:
    """Offsets (n + 1,) and joined bytes of an Arrow array of large strings."""
    _, places, text = ids.buffers()
    offsets = np.frombuffer(places, np.int64)[ids.offset : ids.offset + len(ids) + 1]
    joined = b"" if text is None else text[offsets[0] : offsets[-1]].to_pybytes()
    return offsets, joined
