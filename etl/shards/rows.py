"""Rows of a shard set by number, for learners that read them batch by batch."""

from __future__ import annotations

import numbers
import operator
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from erazoo.panel import OWN_CODE, FeatureSpec
from etl.shards.tfrecord import RecordFile, read_records, record_bytes

if TYPE_CHECKING:
    from etl.shards.reader import ShardSet

BATCH_BYTES = 1 << 24


@dataclass(frozen=True)
class _Block:
    """Where a record lies and which of its rows count; `rows` None where all do."""

    file: int
    place: int
    rows: NDArray[np.intp] | None


class ShardRows:
    """The rows of some eras whose target is resolved, in era order; features stay on disk.

    Labels and weights are held; a slice or a list of rows decodes the blocks that it touches, and
    the last one is kept, so that rows asked for in ascending order read every block once. Memory:
    eight bytes a row and a few blocks.

    Args:
        data: the shard set.
        eras: an expression, labels, or None for all.
        target: the column of the labels.
        features: columns of the rows, all where None.
        training: leave out the rows that do not count in training, and hold weights.

    Attributes:
        names: of the features.
        labels: (n,) float32.
        weights: (n,) float32, None where all rows count alike.
        counts: rows of each era that has any.
    """

    def __init__(
        self,
        data: ShardSet,
        eras: str | Sequence[str] | None,
        target: str,
        *,
        features: Sequence[str] | None = None,
        training: bool = True,
    ) -> None:
        self.spec, self._data = data.spec, data
        self._compression = data.manifest.form.compression
        self.names = data.spec.names if features is None else tuple(features)
        self._columns = None if features is None else data.spec.columns(features)
        self._paths = data.files(eras)
        self._blocks: list[_Block] = []
        self.counts: dict[str, int] = {}
        labels, weights = self._index(set(data.select(eras)), data.target_index(target), training)
        self.labels = np.concatenate([np.empty(0, np.float32), *labels])
        self.weights = _unequal(weights)
        self._starts: list[int] = np.cumsum([0, *(len(part) for part in labels)]).tolist()
        self._decoded: tuple[int, NDArray[Any]] | None = None
        self._open: tuple[int, RecordFile] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int | slice | Sequence[int] | NDArray[Any]) -> NDArray[Any]:
        """Features of one row (F,), or of several (n, F), in the stored type."""
        if isinstance(index, slice):
            low, high, step = index.indices(len(self))
            if step == 1:
                return self._between(low, max(low, high))
            return self._of(np.arange(low, high, step))
        if isinstance(index, numbers.Integral):
            return self._row(operator.index(index))
        rows = np.asarray(index)
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise TypeError(
                f"rows are chosen by whole numbers, not by {rows.dtype} of {rows.ndim} dimensions"
            )
        if rows.size and (rows.min() < -len(self) or rows.max() >= len(self)):
            raise IndexError(f"row {index} of {len(self)}")
        return self._of(np.where(rows < 0, rows + len(self), rows).astype(np.intp))

    @property
    def batch_rows(self) -> int:
        """Rows a batch, so that one of float32 takes about `BATCH_BYTES`."""
        return max(1, BATCH_BYTES // (4 * len(self.names)))

    def batches(self, rows: int) -> Iterator[slice]:
        """The slices that cover all rows, each of `rows` but the last."""
        for low in range(0, len(self), rows):
            yield slice(low, min(low + rows, len(self)))

    def close(self) -> None:
        """Close the open file and forget its last block; a later read opens it again."""
        if self._open is not None:
            self._open[1].close()
        self._open = self._decoded = None

    def _index(
        self, wanted: set[str], column: int, training: bool
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """Labels and weights block by block, once through the files."""
        labels, weights = [], []
        for number, path in enumerate(self._paths):
            place = 0
            for payload in read_records(path, self._compression):
                block = self._data.decode(payload, with_features=False)
                here, place = place, place + record_bytes(payload)
                if block.era not in wanted:
                    continue
                kept = np.isfinite(block.targets[:, column])
                if training and block.weights is not None:
                    kept &= block.weights > 0
                    weights.append(block.weights[kept])
                if count := int(kept.sum()):
                    rows = None if count == len(block) else np.flatnonzero(kept)
                    self._blocks.append(_Block(number, here, rows))
                    labels.append(block.targets[kept, column])
                    self.counts[block.era] = self.counts.get(block.era, 0) + count
        return labels, weights

    def _row(self, row: int) -> NDArray[Any]:
        place = row + len(self) if row < 0 else row
        if not 0 <= place < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        number = bisect_right(self._starts, place) - 1
        return np.array(self._features(number)[place - self._starts[number]])

    def _between(self, low: int, high: int) -> NDArray[Any]:
        out = np.empty((high - low, len(self.names)), dtype=self.spec.dtype)
        number = bisect_right(self._starts, low) - 1
        done = low
        while done < high:
            start, stop = self._starts[number], min(high, self._starts[number + 1])
            out[done - low : stop - low] = self._features(number)[done - start : stop - start]
            done, number = stop, number + 1
        return out

    def _of(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Rows in any order, fetched in ascending order."""
        out = np.empty((len(rows), len(self.names)), dtype=self.spec.dtype)
        numbers = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(numbers):
            here = np.flatnonzero(numbers == number)
            out[here] = self._features(int(number))[rows[here] - self._starts[number]]
        return out

    def _features(self, number: int) -> NDArray[Any]:
        """The rows of one block that count."""
        if self._decoded is None or self._decoded[0] != number:
            block = self._blocks[number]
            features = self._data.decode(self._record(block)).features
            if block.rows is not None:
                features = features[block.rows]
            if self._columns is not None:
                features = features[:, self._columns]
            self._decoded = number, features
        return self._decoded[1]

    def _record(self, block: _Block) -> bytes:
        if self._open is None or self._open[0] != block.file:
            if self._open is not None:
                self._open[1].close()
            file = RecordFile(self._paths[block.file], self._compression)
            self._open = block.file, file
        return self._open[1].record(block.place)


def as_floats(
    features: NDArray[Any], spec: FeatureSpec, dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    """Features as floating-point numbers, NaN where they are missing and told apart."""
    out = np.asarray(features, dtype=dtype)
    if spec.missing == OWN_CODE:
        out[features == OWN_CODE] = np.nan
    return out


def _unequal(parts: list[NDArray[np.float32]]) -> NDArray[np.float32] | None:
    """The weights, None where they are all equal."""
    weights = np.concatenate([np.empty(0, np.float32), *parts])
    return weights if len(weights) and weights.min() < weights.max() else None
