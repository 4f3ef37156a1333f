"""One era-sorted parquet file, read one era at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from erazoo.errors import DataError, SchemaError

BATCH_ROWS = 8192


@dataclass(frozen=True)
class EraRun:
    """Where an era lies in a file: its first row and its row count."""

    era: str
    start: int
    rows: int


class EraFile:
    """A parquet file with an `era` column whose eras stand in one piece each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path)
        except FileNotFoundError:
            raise DataError("a data file is missing", received=str(path)) from None
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(
                "a data file is damaged or no parquet file",
                received=f"{path} ({str(error).splitlines()[0]})",
                hint="Download or build it again",
            ) from None
        if "era" not in self.columns:
            raise SchemaError("a data file lacks a column", received=str(path), expected="era")
        if self.rows == 0:
            raise DataError("a data file is empty", received=str(path))

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names."""
        return tuple(self._file.schema_arrow.names)

    @property
    def rows(self) -> int:
        """Rows in the file."""
        return int(self._file.metadata.num_rows)

    def kind(self, column: str) -> Any:
        """The Arrow type of a column."""
        return self._file.schema_arrow.field(column).type

    @cached_property
    def runs(self) -> tuple[EraRun, ...]:
        """The eras in file order, from a pass over the `era` column alone.

        Raises:
            SchemaError: an era is null or stands in two places.
        """
        labels: list[str] = []
        starts: list[int] = []
        row = 0
        for batch in self._file.iter_batches(batch_size=1 << 20, columns=["era"]):
            column = batch.column(0).cast(pa.string())
            if column.null_count:
                raise SchemaError("an era label is missing", received=str(self.path))
            ends = pc.run_end_encode(column)
            begin = 0
            for label, end in zip(ends.values.to_pylist(), ends.run_ends.to_pylist(), strict=True):
                if not labels or labels[-1] != label:
                    labels.append(label)
                    starts.append(row + begin)
                begin = end
            row += len(column)
        if len(set(labels)) != len(labels):
            twice = next(label for i, label in enumerate(labels) if label in labels[:i])
            raise SchemaError(
                "the rows of an era do not stand together",
                received=f"era {twice!r} in two places of {self.path}",
                expected="rows sorted by era",
            )
        return tuple(
            EraRun(label, start, stop - start)
            for label, (start, stop) in zip(labels, pairwise([*starts, row]), strict=True)
        )

    def tables(
        self, columns: Sequence[str], eras: Sequence[str] | None = None
    ) -> Iterator[tuple[str, pa.Table]]:
        """Yield (era, table) in file order, holding one era and one batch at a time."""
        wanted = None if eras is None else set(eras)
        runs = [run for run in self.runs if wanted is None or run.era in wanted]
        if not runs:
            return
        absent = [name for name in columns if name not in self.columns]
        if absent:
            raise SchemaError(
                f"{self.path.name} lacks a column", received=f"no {absent[0]}", expected=absent[0]
            )
        parts: list[Any] = []
        current = 0
        for start, batch in self._batches(list(columns), runs):
            stop = start + batch.num_rows
            while current < len(runs) and runs[current].start < stop:
                run = runs[current]
                low = max(run.start, start)
                high = min(run.start + run.rows, stop)
                if low < high:
                    parts.append(batch.slice(low - start, high - low))
                if run.start + run.rows > stop:
                    break
                yield run.era, pa.Table.from_batches(parts)
                parts = []
                current += 1

    def _batches(self, columns: list[str], runs: Sequence[EraRun]) -> Iterator[tuple[int, Any]]:
        """(first row, batch) of the row groups that hold a part of some run."""
        begin = 0
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            end = begin + rows
            if any(r.start < end and r.start + r.rows > begin for r in runs):
                row = begin
                for batch in self._decoded(group, columns):
                    yield row, batch
                    row += batch.num_rows
            begin = end

    def _decoded(self, group: int, columns: list[str]) -> Iterator[Any]:
        try:
            yield from self._file.iter_batches(BATCH_ROWS, [group], columns)
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                "a data file is damaged",
                received=f"{self.path}, row group {group} ({str(error).splitlines()[0]})",
                hint="Download or build it again",
            ) from None


def column_array(table: pa.Table, name: str) -> np.ndarray[Any, Any]:
    """One column as numpy; nulls of a float column become NaN."""
    return np.asarray(table.column(name).to_numpy())
