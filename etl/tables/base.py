"""What every table offers: its eras, and batches cut at their borders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from erazoo.errors import DataError, SchemaError, UnsortedError
from erazoo.near import nearest

BATCH_CELLS = 10_000_000
MOST_BATCH_ROWS = 65_536


@dataclass(frozen=True)
class EraRun:
    """Where an era lies in a table: its first row and its row count."""

    era: str
    start: int
    rows: int


@dataclass(frozen=True)
class Cut:
    """The rows of one era in a batch.

    Args:
        run: the era.
        offset: rows of the era that came in earlier batches.
        low: first row in the batch.
        high: one past the last row in the batch.
    """

    run: EraRun
    offset: int
    low: int
    high: int

    @property
    def last(self) -> bool:
        """Whether the era ends here."""
        return self.offset + self.high - self.low == self.run.rows


class EraTable(ABC):
    """A table with an era column whose eras stand in one piece each.

    Args:
        path: the file.
        era: the column that holds the era; texts, whole numbers and dates are understood.
        texts: further columns that are texts, whatever they look like.
        sole: the era of all rows where there is no such column; None where there must be one.
    """

    typed = True
    """Whether the file says what type its columns are of."""

    def __init__(
        self, path: Path, era: str = "era", texts: Sequence[str] = (), sole: str | None = None
    ) -> None:
        self.path, self.era, self.texts, self.sole = path, era, (era, *texts), sole
        self._open()
        twice = [name for name, count in Counter(self.columns).items() if count > 1]
        if twice:
            raise SchemaError("a column stands twice in a file", received=f"{twice[0]} in {path}")
        if era in self.columns:
            self.sole = None
        elif sole is None:
            self.need([era])
        if self.rows == 0:
            raise DataError("a data file is empty", received=str(path))

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: all but the open file, the index of eras included."""
        return {k: v for k, v in self.__dict__.items() if k not in ("_file", "_kinds")}

    def release(self) -> None:
        """Let go of the open file and its footer; it is opened again when it is read again."""
        for name in ("_file", "_kinds"):
            self.__dict__.pop(name, None)

    @abstractmethod
    def _open(self) -> None:
        """Open the file; DataError where it cannot be read."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Column names."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """Rows in the file."""

    @property
    @abstractmethod
    def groups(self) -> tuple[int, ...]:
        """First rows of the pieces in which the file can be read on its own."""

    def page_bytes(self, columns: Sequence[str]) -> int:  # noqa: ARG002
        """Bytes of packed pages that reading the table holds at a time."""
        return 0

    @abstractmethod
    def kind(self, column: str) -> Any:
        """The Arrow type of a column."""

    def is_number(self, column: str) -> bool:
        """Whether the table has this column and it holds numbers."""
        if column not in self.columns:
            return False
        kind = plain(self.kind(column))
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))

    @abstractmethod
    def _batches(self, columns: list[str], low: int, high: int) -> Iterator[tuple[int, Any]]:
        """(first row, batch) of batches that cover at least the rows `low` to `high`."""

    @cached_property
    def runs(self) -> tuple[EraRun, ...]:
        """The eras in file order, from a pass over the era column alone.

        Raises:
            SchemaError: an era is missing.
            UnsortedError: an era stands in two places.
        """
        starts: dict[str, int] = {}
        last = None
        for first, column in self.labels():
            ends = pc.run_end_encode(column)
            begin = 0
            for label, end in zip(ends.values.to_pylist(), ends.run_ends.to_pylist(), strict=True):
                if label != last:
                    if label in starts:
                        row = first + begin
                        raise UnsortedError.at(f"era {label!r} again in row {row} of {self.path}")
                    starts[label] = first + begin
                    last = label
                begin = end
        return tuple(
            EraRun(label, start, stop - start)
            for label, (start, stop) in zip(
                starts, pairwise([*starts.values(), self.rows]), strict=True
            )
        )

    def labels(self) -> Iterator[tuple[int, Any]]:
        """(first row, eras as texts) of batches, in file order.

        Raises:
            SchemaError: an era is missing, or of a type that names no era.
        """
        if self.sole is not None:
            yield 0, pa.repeat(pa.scalar(self.sole), self.rows)
            return
        for first, batch in self._batches([self.era], 0, self.rows):
            yield first, era_labels(batch.column(0), f"{self.era} of {self.path}", first)

    def scan(self, columns: Sequence[str], low: int = 0) -> Iterator[tuple[int, Any]]:
        """(first row, batch) in file order from row `low` on, in whatever order eras stand.

        Raises:
            SchemaError: a column is missing.
            DataError: the file is damaged.
        """
        self.need(columns)
        for first, batch in self._batches(list(columns), low, self.rows):
            known = max(0, low - first)
            if known < batch.num_rows:
                yield first + known, batch.slice(known)

    def batches(
        self, columns: Sequence[str], eras: Sequence[str] | None = None
    ) -> Iterator[tuple[int, Any, list[Cut]]]:
        """(first row, batch, cuts) in file order: the wanted eras that each batch holds a part of.

        Args:
            columns: read, in this order.
            eras: wanted; all where None.

        Raises:
            SchemaError: a column is missing.
            DataError: the file is damaged.
        """
        self.need(columns)
        wanted = None if eras is None else set(eras)
        runs = [run for run in self.runs if wanted is None or run.era in wanted]
        for low, high, part in _stretches(runs):
            left = list(part)
            for first, batch in self._batches(list(columns), low, high):
                cuts = []
                stop = first + batch.num_rows
                while left and left[0].start < stop:
                    run = left[0]
                    begin, end = max(run.start, first), min(run.start + run.rows, stop)
                    if begin < end:
                        cuts.append(Cut(run, begin - run.start, begin - first, end - first))
                    if run.start + run.rows > stop:
                        break
                    left.pop(0)
                if cuts:
                    yield first, batch, cuts

    def tables(
        self, columns: Sequence[str], eras: Sequence[str] | None = None
    ) -> Iterator[tuple[str, pa.Table]]:
        """Yield (era, table) in file order, holding one era and one batch at a time."""
        parts: list[Any] = []
        for _, batch, cuts in self.batches(columns, eras):
            for cut in cuts:
                parts.append(batch.slice(cut.low, cut.high - cut.low))
                if cut.last:
                    yield cut.run.era, pa.Table.from_batches(parts)
                    parts = []

    def need(self, columns: Sequence[str]) -> None:
        """Raise SchemaError where a column is missing; the first one is named."""
        known = set(self.columns)
        absent = [name for name in columns if name not in known]
        if absent:
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            raise SchemaError(
                f"{self.path.name} lacks a column",
                received=f"no {absent[0]}{more}",
                expected=nearest(absent[0], self.columns),
            )


def batch_rows(columns: int) -> int:
    """Rows a batch: decoding holds several bytes a cell, so wide tables come in short batches."""
    return max(256, min(MOST_BATCH_ROWS, BATCH_CELLS // max(1, columns)))


def era_labels(column: Any, place: str, first: int = 0) -> Any:
    """An era column as texts: dates as ISO dates, whole numbers as digits.

    Args:
        column: a batch of it.
        place: column and file, for messages.
        first: the batch's first row in the file, for messages.

    Raises:
        SchemaError: an era is missing, or of a type that names no era.
    """
    kind = plain(column.type)
    if pa.types.is_dictionary(column.type):
        column = column.cast(kind)
    known = is_text(kind) or any(
        check(kind) for check in (pa.types.is_integer, pa.types.is_date, pa.types.is_timestamp)
    )
    if not known:
        raise SchemaError(
            "an era column is of the wrong type",
            received=f"{kind} in {place}",
            expected="text, whole numbers or dates",
        )
    if column.null_count:
        row = first + pc.index(column.is_null(), True).as_py()
        raise SchemaError("an era label is missing", received=f"row {row} in {place}")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        column = _days(column, place, first)
    return column.cast(pa.string())


def _days(column: Any, place: str, first: int) -> Any:
    """Dates of timestamps; several times of one day would become one era in silence."""
    if getattr(column.type, "tz", None):
        column = pc.local_timestamp(column)
    days = column.cast(pa.date32(), safe=False)
    same = pc.equal(days.cast(column.type), column)
    row = pc.index(same, False).as_py()
    if row >= 0:
        raise SchemaError(
            "an era column holds a time of day",
            received=f"{column[row].as_py()} in row {first + row} in {place}",
            expected="dates: one era a day at most",
        )
    return days


def plain(kind: Any) -> Any:
    """The type of a column's values, dictionary-encoded or not."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_text(kind: Any) -> bool:
    """Whether a type is one of the text types."""
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(check(kind) for check in checks)


def _stretches(runs: Sequence[EraRun]) -> Iterator[tuple[int, int, list[EraRun]]]:
    """(first row, one past the last, eras) of stretches of eras without a gap."""
    part: list[EraRun] = []
    for run in runs:
        if part and part[-1].start + part[-1].rows != run.start:
            yield part[0].start, part[-1].start + part[-1].rows, part
            part = []
        part.append(run)
    if part:
        yield part[0].start, part[-1].start + part[-1].rows, part
