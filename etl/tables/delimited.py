"""CSV tables, plain or gzipped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from erazoo.errors import DataError, SchemaError
from etl.tables.base import EraTable, batch_rows

BLOCK_BYTES = 4 << 20
_CELL = re.compile(r"column #(\d+): Row #(\d+): .*invalid value '(.*)'", re.DOTALL)


class CsvTable(EraTable):
    """A CSV file with a header line, read as a stream.

    Columns of eras and texts are read as text and all others that are asked for as float32; an
    empty cell is missing, and so are NA, NaN and null among numbers. There is no index in a CSV:
    reading an era reads all lines before it.
    """

    typed = False

    def _open(self) -> None:
        try:
            with self._stream(None) as reader:
                self._schema = reader.schema
        except FileNotFoundError:
            raise DataError("a data file is missing", received=str(self.path)) from None
        except (pa.ArrowInvalid, OSError) as error:
            raise self._damaged(error) from None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Column names."""
        return tuple(self._schema.names)

    @cached_property
    def rows(self) -> int:
        """Rows in the file, from a pass over it."""
        try:
            with self._stream([]) as reader:
                return sum(batch.num_rows for batch in reader)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from None

    @property
    def groups(self) -> tuple[int, ...]:
        """A CSV can only be read from its start."""
        return (0,)

    def kind(self, column: str) -> Any:
        """Text for eras and texts, else float32."""
        return pa.string() if column in self.texts else pa.float32()

    def is_number(self, column: str) -> bool:
        """Whether the table has this column and its first lines hold numbers, or nothing."""
        if column not in self.columns or column in self.texts:
            return False
        kind = self._schema.field(column).type
        checks = (pa.types.is_floating, pa.types.is_integer, pa.types.is_null)
        return any(check(kind) for check in checks)

    def _batches(self, columns: list[str], low: int, high: int) -> Iterator[tuple[int, Any]]:
        row, most = 0, batch_rows(len(columns))
        try:
            with self._stream(columns) as reader:
                for batch in reader:
                    for start in range(0, batch.num_rows, most):
                        part = _texts(batch.slice(start, most)).select(columns)
                        if row + part.num_rows > low:
                            yield row, part
                        row += part.num_rows
                        if row >= high:
                            return
        except (pa.ArrowException, OSError) as error:
            raise self._no_number(error) or self._damaged(error) from None

    def _stream(self, columns: list[str] | None) -> Any:
        """The file with some columns; with its first as text for [], with all as found for None."""
        kinds = {name: self.kind(name) for name in columns or ()}
        if columns == []:
            kinds = {self.columns[0]: pa.string()}
        convert = pc_csv.ConvertOptions(include_columns=list(kinds) or None, column_types=kinds)
        read = pc_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False)
        return pc_csv.open_csv(self.path, read_options=read, convert_options=convert)

    def _no_number(self, error: Exception) -> SchemaError | None:
        """The error of a cell that is no number; None for any other."""
        found = _CELL.search(str(error))
        if found is None:
            return None
        column, line, value = int(found[1]), int(found[2]), found[3]
        return SchemaError(
            "a cell of a CSV file is no number",
            received=f"{value!r} in column {self.columns[column]}, row {line - 2} of {self.path}",
        )

    def _damaged(self, error: Exception) -> DataError:
        return DataError(
            "a CSV file cannot be read",
            received=f"{self.path} ({str(error).splitlines()[0]})",
            expected="a header line, then one line a row, numbers in the columns that are used",
        )


def _texts(batch: Any) -> Any:
    """A batch whose empty texts are missing; a symbol may read NA or null."""
    columns = [
        pc.if_else(pc.equal(column, ""), None, column)
        if pa.types.is_string(column.type)
        else column
        for column in batch.columns
    ]
    return pa.record_batch(columns, names=batch.schema.names)
