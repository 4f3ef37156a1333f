"""Parquet tables."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from erazoo.errors import DataError
from etl.tables.base import EraTable, batch_rows

STREAM_BYTES = 1 << 16
PAGE_BYTES = 1 << 20
MOST_OPEN = 8
"""Files that are open at a time: each holds its footer, a kilobyte a column and row group."""
_opened: deque[weakref.ref[ParquetTable]] = deque()


class ParquetTable(EraTable):
    """A parquet file, decoded a row group and a batch at a time."""

    def _open(self) -> None:
        self.columns, self.groups, self.rows  # noqa: B018

    @cached_property
    def _file(self) -> Any:
        _make_room(self)
        try:
            return pq.ParquetFile(self.path, pre_buffer=False, buffer_size=STREAM_BYTES)
        except FileNotFoundError:
            raise DataError("a data file is missing", received=str(self.path)) from None
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(
                "a data file is damaged or no parquet file",
                received=f"{self.path} ({str(error).splitlines()[0]})",
                hint="Download or build it again",
            ) from None

    @cached_property
    def _kinds(self) -> dict[str, Any]:
        schema = self._file.schema_arrow
        return dict(zip(schema.names, schema.types, strict=True))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Column names."""
        return tuple(self._file.schema_arrow.names)

    @cached_property
    def rows(self) -> int:
        """Rows in the file."""
        return int(self._file.metadata.num_rows)

    @cached_property
    def groups(self) -> tuple[int, ...]:
        """First rows of the row groups."""
        sizes = [
            self._file.metadata.row_group(group).num_rows
            for group in range(self._file.num_row_groups)
        ]
        return tuple(accumulate(sizes[:-1], initial=0))

    def kind(self, column: str) -> Any:
        """The Arrow type of a column."""
        return self._kinds[column]

    def page_bytes(self, columns: Sequence[str]) -> int:
        """Bytes of packed pages that reading the table holds: a page of each column."""
        footer, wanted = self._file.metadata, set(columns)
        return max(
            (
                sum(
                    min(PAGE_BYTES, column.total_uncompressed_size)
                    for column in map(footer.row_group(group).column, range(footer.num_columns))
                    if column.path_in_schema in wanted
                )
                for group in range(footer.num_row_groups)
            ),
            default=0,
        )

    def _batches(self, columns: list[str], low: int, high: int) -> Iterator[tuple[int, Any]]:
        ends = [*self.groups[1:], self.rows]
        for group, (first, end) in enumerate(zip(self.groups, ends, strict=True)):
            if first < high and end > low:
                row = first
                for batch in self._decoded(group, columns):
                    yield row, batch
                    row += batch.num_rows
                    if row >= high:
                        break

    def _decoded(self, group: int, columns: list[str]) -> Iterator[Any]:
        """Batches whose columns are those asked for: pyarrow promises neither order nor number."""
        rows = batch_rows(len(columns))
        try:
            for batch in self._file.iter_batches(rows, [group], columns, use_threads=False):
                yield batch.select(columns)
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                "a data file is damaged",
                received=f"{self.path}, row group {group} ({str(error).splitlines()[0]})",
                hint="Download or build it again",
            ) from None


def _make_room(table: ParquetTable) -> None:
    """Let go of the files that were opened longest ago, before another one is."""
    while len(_opened) >= MOST_OPEN:
        oldest = _opened.popleft()()
        if oldest is not None:
            oldest.release()
    _opened.append(weakref.ref(table))
