"""The rows of some eras as memory-mapped files, written once and verified when used again.

A cache is a folder `matrix-KEY` with `features.npy`, `targets.npy`, `references.npy`,
`weights.npy` where rows carry weights, `ids.utf8` (the ids one after another) with
`id_bytes.npy` (the length of each), and `record.json`. Its key follows from the checksums of the
shards, their format, the eras and the features.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ShardError
from erazoo.logs import LOGGER
from erazoo.publish import (
    alone,
    atomic_dir,
    checksum,
    fingerprint,
    read_json,
    sweep,
    sync,
    write_json,
)
from etl.shards.labels import Labels

if TYPE_CHECKING:
    from erazoo.panel import EraBlock
    from etl.shards.reader import ShardSet

CACHE = "cache"
RECORD = "record.json"
IDS = "ids.utf8"
_NAME = re.compile(r"^matrix-[0-9a-f]{16}$")


@dataclass(frozen=True)
class MatrixCache:
    """The cache of one selection of a shard set.

    Args:
        data: the shard set.
        eras: selected, in order.
        features: columns, in order; all where None.
        training: whether rows that do not count in training are left out.
        folder: where caches lie; nothing else should.
    """

    data: ShardSet
    eras: tuple[str, ...]
    features: tuple[str, ...] | None
    training: bool
    folder: Path

    def read(self) -> tuple[NDArray[Any], Labels]:
        """Features (n, F), mapped and read-only, and labels; written first where they must be.

        Of several processes one writes and the others wait. Memory: one era while it is written,
        then ids and what is touched of the mapped files.
        """
        with alone(self.folder):
            if not self._stands():
                self._sweep()
                with atomic_dir(self._place) as temporary:
                    self._write(temporary)
            return self._open()

    @cached_property
    def key(self) -> str:
        """Follows from everything that the content depends on."""
        form, features = self.data.manifest.form.to_json(), self.features
        if features is None and self.data.columns is not None:
            features = self.data.spec.names
        return fingerprint([form, self.eras, features, self.training, self._made_from])

    @property
    def _place(self) -> Path:
        return self.folder / f"matrix-{self.key}"

    @property
    def _set(self) -> str:
        return str(self.data.folder.resolve())

    @cached_property
    def _made_from(self) -> dict[str, str]:
        paths = set(self.data.files(self.eras))
        files = self.data.manifest.files
        return {f.path: f.checksum for f in files if self.data.folder / f.path in paths}

    def _stands(self) -> bool:
        try:
            record = read_json(self._place / RECORD)
            sizes = {name: (self._place / name).stat().st_size for name in record["sizes"]}
            return bool(record["key"] == self.key and record["sizes"] == sizes)
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return False

    def _write(self, folder: Path) -> None:
        counts: dict[str, int] = {}
        with _Files(folder, self.data, self._rows(), self.features) as files:
            for block in self.data.blocks(self.eras, training=self.training):
                counts[block.era] = len(block)
                files.write(block)
        if sum(counts.values()) != files.rows:
            raise ShardError(
                "shards have changed while they were read",
                received=f"{sum(counts.values())} rows",
                expected=files.rows,
            )
        for path in folder.iterdir():
            sync(path)
        record = {
            "key": self.key,
            "set": self._set,
            "made_from": self._made_from,
            "rows": counts,
            "sizes": {path.name: path.stat().st_size for path in folder.iterdir()},
            "checksums": {path.name: checksum(path) for path in folder.iterdir()},
        }
        write_json(folder / RECORD, record)

    def _sweep(self) -> None:
        """Remove what a killed process left, and caches of this set whose shards are gone."""
        sweep(self.folder)
        for place in self.folder.iterdir():
            if _NAME.match(place.name) and self._stale(place):
                LOGGER.debug("the cache %s is removed: its shards are gone", place)
                shutil.rmtree(place)

    def _stale(self, place: Path) -> bool:
        held = {file.path: file.checksum for file in self.data.manifest.files}
        try:
            record = read_json(place / RECORD)
            own = record["set"] == self._set or self.folder == self.data.folder / CACHE
            return own and not record["made_from"].items() <= held.items()
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return True

    def _rows(self) -> int:
        if not (self.training and self.data.manifest.form.weighted):
            return self.data.rows(self.eras)
        blocks = self.data.blocks(self.eras, training=True, with_features=False)
        return sum(len(block) for block in blocks)

    def _open(self) -> tuple[NDArray[Any], Labels]:
        arrays = {p.stem: np.load(p, mmap_mode="r") for p in self._place.glob("*.npy")}
        counts = read_json(self._place / RECORD)["rows"]
        labels = Labels(
            _ids((self._place / IDS).read_bytes(), arrays["id_bytes"]),
            np.repeat(np.array(list(counts), dtype=object), list(counts.values())),
            np.asarray(arrays["targets"]),
            np.asarray(arrays["references"]),
            np.asarray(arrays["weights"]) if "weights" in arrays else None,
        )
        return arrays["features"], labels


def damaged_caches(folder: Path) -> Iterator[Path]:
    """Files of the caches of a shard set that are not as they were written.

    Reading a cache compares sizes alone, so that it costs nothing.
    """
    for record in sorted(path for path in folder.rglob("*") if path.name == RECORD):
        try:
            checksums = dict(read_json(record)["checksums"])
        except (ValueError, KeyError, TypeError):
            yield record
            continue
        for name, digest in checksums.items():
            path = record.parent / name
            if not path.is_file() or checksum(path) != digest:
                yield path


class _Files:
    """The files of a cache while blocks are appended to them."""

    def __init__(
        self, folder: Path, data: ShardSet, rows: int, features: tuple[str, ...] | None
    ) -> None:
        self.rows = rows
        self._columns = None if features is None else data.spec.columns(features)
        width = len(data.spec.names if features is None else features)
        self._stack = ExitStack()
        self._arrays = {
            "features": self._npy(folder, "features", data.spec.dtype, (rows, width)),
            "targets": self._npy(folder, "targets", "<f4", (rows, len(data.targets))),
            "references": self._npy(folder, "references", "<f4", (rows, len(data.references))),
            "id_bytes": self._npy(folder, "id_bytes", "<i8", (rows,)),
        }
        if data.manifest.form.weighted:
            self._arrays["weights"] = self._npy(folder, "weights", "<f4", (rows,))
        self._ids = self._stack.enter_context((folder / IDS).open("wb"))

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def write(self, block: EraBlock) -> None:
        ids = [str(i).encode() for i in block.ids]
        columns = slice(None) if self._columns is None else self._columns
        values: dict[str, Any] = {
            "features": block.features[:, columns],
            "targets": block.targets,
            "references": block.references,
            "weights": block.weights,
            "id_bytes": np.array([len(i) for i in ids], dtype="<i8"),
        }
        for name, stream in self._arrays.items():
            stream.write(values[name].tobytes())
        self._ids.write(b"".join(ids))

    def _npy(self, folder: Path, name: str, dtype: Any, shape: tuple[int, ...]) -> IO[bytes]:
        """Plain writes, because dirty pages of a mapped file would count as memory."""
        stream = self._stack.enter_context((folder / f"{name}.npy").open("wb"))
        descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(stream, header)
        return stream


def _ids(content: bytes, lengths: NDArray[np.int64]) -> NDArray[np.object_]:
    ends = np.cumsum(lengths).tolist()
    return np.array(
        [content[low:high].decode() for low, high in pairwise([0, *ends])], dtype=object
    )
