"""The external sort of tables by era, into parquet files that stand era by era.

The tables are read once. Each batch is checked, turned into feature codes and spread over buckets,
each of which takes the rows of some neighbouring eras. Then every bucket is put in order and
becomes one parquet file. Rows are ordered by era and, within an era, as they came, file by file.
Killed, the sort goes on: from the last checkpoint of the first half or the last file of the second.

Memory: one batch of `etl.tables.base.BATCH_CELLS` cells, then the ids of a bucket and one of its
row groups. A bucket holds `BUCKET_BYTES`, or its one era where that is larger. Disk: the columns
that are kept, a byte a quintile, and not quite as much again for the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from erazoo.errors import SchemaError
from erazoo.logs import LOGGER, progress
from erazoo.publish import atomic_file, make_dir, read_json, sweep, write_json
from erazoo.tournament import TARGET_ALIAS
from etl.dataset import Dataset
from etl.grids import MISSING, check_finite, feature_columns, floats
from etl.ids import id_texts
from etl.references import ReferenceTable
from etl.spill import Bucket, Row, Rows
from etl.tables import EraTable
from etl.tables.base import era_labels

STATE = "progress.json"
BUCKET_BYTES = 256 << 20
GROUP_BYTES = 64 << 20
CHECKPOINT_BYTES = 1 << 30


@dataclass(frozen=True)
class Columns:
    """The columns that are kept of a table.

    Args:
        era: the column of eras.
        id: the column of ids.
        values: how features are written.
        row: the features and the other numbers.
    """

    era: str
    id: str
    values: str
    row: Row

    @classmethod
    def of(cls, data: Dataset) -> Columns:
        """Of a history: its features and every target, since the alias is compared with all."""
        named = [c for c in data.tables[0].columns if c.startswith(TARGET_ALIAS)]
        numbers = [c for c in named if all(t.is_number(c) for t in data.tables)]
        targets = dict.fromkeys([*numbers, *data.targets])
        features = data.spec.names
        row = Row(features, data.spec.dtype, tuple(t for t in targets if t not in features))
        return cls(data.files.era, data.files.id, data.files.values, row)

    @classmethod
    def of_reference(cls, reference: ReferenceTable) -> Columns:
        """Of a file of predictions."""
        row = Row((), np.dtype(np.float32), reference.columns)
        return cls(reference.table.era, reference.id, "float", row)

    @property
    def names(self) -> list[str]:
        """All columns in the order in which they are read."""
        return [*self.row.features, *self.row.numbers, self.id, self.era]


class TableSort:
    """The sort of some tables into parquet files of one folder.

    Args:
        folder: receives the files; what a killed sort of the same tables left there is used.
        tables: in the order in which rows of an era shall follow one another.
        columns: those that are kept.
        counts: rows by era, in order; rows of other eras are dropped.
    """

    def __init__(
        self,
        folder: Path,
        tables: Sequence[EraTable],
        columns: Columns,
        counts: Mapping[str, int],
    ) -> None:
        self.folder, self.tables, self.columns = make_dir(folder), tables, columns
        self.eras = pa.array(counts, pa.string())
        self._bucket_of = bucket_numbers(list(counts.values()), columns.row.bytes)
        self._names = [f"part-{n:05d}" for n in range(int(self._bucket_of.max(initial=-1)) + 1)]
        self._buckets: list[Bucket] = []

    def run(self) -> list[Path]:
        """Sort, or go on with it.

        Returns:
            The files, in era order.

        Raises:
            SchemaError: an id is missing, a feature off its grid, a target infinite.
        """
        sweep(self.folder)
        self._spread()
        parts = []
        for name, bucket in zip(self._names, progress(self._buckets, "sort files"), strict=True):
            part = self.folder / f"{name}.parquet"
            if not part.is_file():
                _write(part, bucket, self.columns, self.eras)
            bucket.remove()
            parts.append(part)
        (self.folder / STATE).unlink(missing_ok=True)
        return parts

    def _spread(self) -> None:
        begin, row = self._resume()
        since = 0
        for number in range(begin, len(self.tables)):
            table = self.tables[number]
            batches = table.scan(self.columns.names, row)
            for first, batch in progress(batches, f"sort batches of {table.path.name}"):
                since += self._append(_rows(table, first, batch, self.columns, self.eras))
                if since >= CHECKPOINT_BYTES:
                    self._checkpoint(number, first + batch.num_rows)
                    since = 0
            row = 0
        if begin < len(self.tables):
            self._checkpoint(len(self.tables), 0)

    def _append(self, rows: Rows) -> int:
        bucket = self._bucket_of[rows.eras]
        order = np.argsort(bucket, kind="stable")
        ordered, bucket = rows.take(order), bucket[order]
        for number in np.unique(bucket):
            low, high = np.searchsorted(bucket, [number, number + 1])
            self._buckets[number].append(ordered.slice(int(low), int(high)))
        return len(order) * self.columns.row.bytes

    def _checkpoint(self, table: int, row: int) -> None:
        for bucket in self._buckets:
            bucket.sync()
        held = [[bucket.rows, bucket.text] for bucket in self._buckets]
        write_json(self.folder / STATE, {"table": table, "row": row, "buckets": held})

    def _resume(self) -> tuple[int, int]:
        """The table and row to go on from, with the buckets as they were then."""
        state = read_json(self.folder / STATE) if (self.folder / STATE).is_file() else None
        held = state["buckets"] if state else [(0, 0)] * len(self._names)
        self._buckets = [
            Bucket(self.folder / name, self.columns.row, rows, text)
            for name, (rows, text) in zip(self._names, held, strict=True)
        ]
        stands = [(self.folder / f"{name}.parquet").is_file() for name in self._names]
        whole = [done or b.cut() for done, b in zip(stands, self._buckets, strict=True)]
        if state and all(whole):
            LOGGER.info("sort: goes on where it was interrupted")
            return int(state["table"]), int(state["row"])
        for bucket in self._buckets:
            bucket.remove()
            bucket.rows = bucket.text = 0
        return 0, 0


def bucket_numbers(counts: Sequence[int], row_bytes: int) -> NDArray[np.int64]:
    """The bucket of every era: neighbours share one while they fit `BUCKET_BYTES` together."""
    out = np.zeros(len(counts), dtype=np.int64)
    most, held, bucket = max(1, BUCKET_BYTES // row_bytes), 0, 0
    for place, rows in enumerate(counts):
        if held and held + rows > most:
            bucket, held = bucket + 1, 0
        held += rows
        out[place] = bucket
    return out


def _rows(table: EraTable, first: int, batch: Any, columns: Columns, eras: Any) -> Rows:
    """A batch as rows, each value checked where its place in the source is known."""
    row, name = columns.row, table.path.name
    labels = era_labels(batch.column(batch.num_columns - 1), f"{columns.era} of {name}", first)
    ids = id_texts(batch.column(batch.num_columns - 2))
    if ids.null_count:
        place = first + pc.index(ids.is_null(), True).as_py()
        raise SchemaError("an id is missing", received=f"row {place} in {columns.id} of {name}")
    features = feature_columns(batch, row.features, columns.values, name, first)
    numbers = np.empty((batch.num_rows, len(row.numbers)), dtype=np.float32)
    for j in range(len(row.numbers)):
        numbers[:, j] = floats(batch.column(len(row.features) + j))
    check_finite(numbers, row.numbers, name, first)
    codes = pc.index_in(labels, eras)
    known = np.flatnonzero(codes.is_valid().to_numpy(zero_copy_only=False))
    places = pc.fill_null(codes, 0).to_numpy(zero_copy_only=False)
    whole = Rows(places, np.ascontiguousarray(features.T), numbers, ids)
    return whole if len(known) == len(places) else whole.take(known)


def _write(path: Path, bucket: Bucket, columns: Columns, eras: Any) -> None:
    row = columns.row
    kind = pa.int8() if row.dtype == np.int8 else pa.float32()
    fields = [(columns.era, pa.string()), (columns.id, pa.large_string())]
    fields += [(name, kind) for name in row.features]
    fields += [(name, pa.float32()) for name in row.numbers]
    schema = pa.schema(fields)
    group = max(1, GROUP_BYTES // row.bytes)
    options = {
        "compression": "none",
        "use_dictionary": [name for name in schema.names if name != columns.id],
        "write_statistics": False,
    }
    with (
        atomic_file(path) as temporary,
        pq.ParquetWriter(temporary, schema, **options) as writer,
    ):
        for rows in bucket.ordered(group):
            arrays = [eras.take(pa.array(rows.eras)), rows.ids, *_numbers(rows, row)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), group)


def _numbers(rows: Rows, row: Row) -> Iterator[Any]:
    for column in np.ascontiguousarray(rows.features.T):
        missing = column == MISSING if row.dtype == np.int8 else None
        yield pa.array(column, mask=missing if missing is not None and missing.any() else None)
    for j in range(len(row.numbers)):
        yield pa.array(np.ascontiguousarray(rows.numbers[:, j]))
