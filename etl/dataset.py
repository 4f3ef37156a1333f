"""The history and the live rows of a panel, read era by era from its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from erazoo.eras import EraAxis, era_number
from erazoo.errors import DataError, LeakageError, SchemaError, UnsortedError
from erazoo.panel import EraBlock, FeatureSpec
from erazoo.tournament import TARGET_ALIAS
from etl.columns import feature_spec, target_names
from etl.files import DataFiles
from etl.grids import check_features, check_finite, dtype_of, feature_columns, floats
from etl.ids import asset_rows, check_unique, id_texts, row_ids
from etl.references import References, ReferenceTable
from etl.tables import Cut, EraTable
from etl.tables.base import is_text, plain


class Dataset:
    """The history of a panel: a Panel of the eras of its tables.

    Args:
        files: where the tables lie and what their columns mean.
        feature_set: the features that are used, by the name of a set or group.
        targets: the target columns that are used, or patterns; each is named, never the alias
            `target`.
        features: sets, groups, columns or patterns, in place of `feature_set`.
    """

    def __init__(
        self,
        files: DataFiles,
        feature_set: str,
        targets: Sequence[str],
        features: Sequence[str] = (),
    ) -> None:
        if not files.history:
            raise DataError(
                "a data folder has no history",
                received=files.place,
                expected="train.parquet or validation.parquet",
                hint="Run `erazoo download` first",
            )
        self.files, self._feature_set, self._features = files, feature_set, tuple(features)
        self.tables = [files.open(path) for path in files.history]
        columns = self.tables[0].columns
        self.spec = feature_spec(files, columns, feature_set, features)
        self.targets = target_names(columns, targets[0], targets[1:])
        self._check_apart()
        for table in self.tables:
            table.need([files.id, *self.targets])
            check_features(table, self.spec.names, files.values)
            _check_kinds(table, files.id, self.targets)
        self._references = References(files.references, files)
        self.references = self._references.names

    def of(self, files: DataFiles) -> Dataset:
        """The same columns of other files."""
        return Dataset(files, self._feature_set, self.targets, self._features)

    @property
    def reference_tables(self) -> Sequence[ReferenceTable]:
        """The files of predictions that are joined to the rows."""
        return self._references.tables

    def _check_apart(self) -> None:
        both = [name for name in self.spec.names if name in self.targets]
        if both:
            raise LeakageError(
                "a target is among the features",
                received=both[0],
                hint="Take it out of data.features",
            )

    @cached_property
    def rows_of(self) -> Mapping[str, int]:
        """Rows by era, in order; a pass over the era columns alone."""
        rows: dict[str, int] = {}
        for table in self.tables:
            for run in table.runs:
                check_label(run.era, table, run.start)
                if run.era in rows:
                    where = f"{run.era!r} again in {table.path}"
                    raise UnsortedError.at(where, "an era stands in two files")
                rows[run.era] = run.rows
        return rows

    @cached_property
    def axis(self) -> EraAxis:
        """The whole sequence of eras; unsorted eras are a SchemaError."""
        return EraAxis(tuple(self.rows_of))

    def eras(self) -> tuple[str, ...]:
        """All eras in chronological order."""
        return self.axis.eras

    def blocks(
        self, eras: Sequence[str] | None = None, *, with_features: bool = True
    ) -> Iterator[EraBlock]:
        """One whole era at a time; missing quintiles are `MISSING`, missing floats NaN.

        Args:
            eras: read; all where None.
            with_features: whether features are read; else they are (rows, 0).

        Raises:
            SchemaError: a feature off its grid, an id that stands twice in its era, or a reference
                file that writes eras differently.
        """
        wanted = self.eras() if eras is None else tuple(eras)
        self._references.check_labels(self.eras())
        references = self._references.reader(wanted)
        features = self.spec.names if with_features else ()
        for table in self.tables:
            for part in _parts(table, self.files, features, self.targets, wanted):
                ids = part.ids()
                joined = references.of(part.era, ids)
                if self.files.ids == "assets":
                    ids = asset_rows(ids, part.era)
                yield EraBlock(part.era, ids, part.features, part.targets, joined)

    def resolved(self, target: str) -> tuple[str, ...]:
        """Eras in which `target` has a value, from a pass over that column alone."""
        found = []
        for table in self.tables:
            for era, rows in table.tables([target]):
                if np.isfinite(floats(rows.column(0))).any():
                    found.append(era)
        return tuple(found)

    def values_of(
        self, target: str, eras: Sequence[str], most: int
    ) -> Iterator[tuple[str, dict[float, int]]]:
        """(era, rows of each value of `target`), from a pass over that column alone.

        It ends with the era in which more than `most` different values have been met, so that
        memory stays bounded where a target is continuous.
        """
        met: set[float] = set()
        for table in self.tables:
            for era, rows in table.tables([target], eras):
                column = floats(rows.column(0))
                values, number = np.unique(column[np.isfinite(column)], return_counts=True)
                yield era, {float(v): int(n) for v, n in zip(values, number, strict=True)}
                met.update(values.tolist())
                if len(met) > most:
                    return

    def check_ids(self) -> None:
        """Refuse an id that stands twice in the whole history, or in one era where it may return.

        Ids are held as eight-byte digests, 55 MB for seven million rows.
        """
        if self.files.ids == "assets":
            return  # an asset returns in every era; `blocks` checks each era
        check_unique(
            lambda: (
                (table.path.name, first, batch.column(0))
                for table in self.tables
                for first, batch in table.scan([self.files.id])
            )
        )

    def release(self) -> None:
        """Let go of the open files; they are opened again when they are read again."""
        for table in self.tables:
            table.release()

    def alias_of(self) -> str | None:
        """The named target that the alias `target` equals, by values and missing pattern.

        The first file decides among all named targets.
        """
        table = self.tables[0]
        if TARGET_ALIAS not in table.columns:
            return None
        named = [c for c in table.columns if c.startswith(f"{TARGET_ALIAS}_")]
        alive = dict.fromkeys(named)
        for _, rows in table.tables([TARGET_ALIAS, *named]):
            alias = floats(rows.column(0))
            for name in list(alive):
                if not np.array_equal(floats(rows.column(name)), alias, equal_nan=True):
                    del alive[name]
            if not alive:
                return None
        return next(iter(alive))


class LiveData:
    """The live table of a panel: one block whose targets are unknown."""

    def __init__(self, files: DataFiles, spec: FeatureSpec) -> None:
        if files.live is None:
            raise DataError(
                "there are no live rows", received=files.place, hint="Name their file in data.live"
            )
        self.path, self.files, self.spec = files.live, files, spec
        self._table = files.open(files.live)
        self._table.need([files.id])
        if dtype_of(files.values) != spec.dtype:
            raise SchemaError(
                "live features are read otherwise than those that models learned from",
                received=f"data.values = {files.values!r}",
                expected=f"{spec.dtype.name} features",
            )
        check_features(self._table, spec.names, files.values)
        _check_kinds(self._table, files.id, ())

    def block(self) -> EraBlock:
        """The whole live universe, in file order; ids as they stand in the file.

        Raises:
            SchemaError: more than one era, a repeated id, or a feature off its grid.
        """
        runs = self._table.runs
        if len(runs) != 1:
            raise SchemaError("a live file holds one era", received=f"{len(runs)} eras")
        part = next(_parts(self._table, self.files, self.spec.names, (), [runs[0].era]))
        empty = np.empty((runs[0].rows, 0), dtype=np.float32)
        return EraBlock(part.era, part.ids(), part.features, empty, empty)


def live_ids(files: DataFiles) -> tuple[str, ...]:
    """The ids of the live rows, in file order.

    Raises:
        DataError: there is no live file, or it is damaged.
        SchemaError: it has no column of ids, or an id stands twice.
    """
    if files.live is None:
        raise DataError(
            "there are no live rows", received=files.place, hint="Name their file in data.live"
        )
    table = files.open(files.live)
    table.need([files.id])
    columns = [batch.column(0) for _, batch, _ in table.batches([files.id])]
    return tuple(row_ids(pa.chunked_array(columns), f"{files.id} of {files.live.name}"))


class _Part:
    """One era while its batches come in."""

    def __init__(self, table: EraTable, cut: Cut, features: int, values: str, targets: int) -> None:
        self.era, self._first, self._place = cut.run.era, cut.run.start, table.path.name
        self.features = np.empty((cut.run.rows, features), dtype=dtype_of(values))
        self.targets = np.empty((cut.run.rows, targets), dtype=np.float32)
        self.texts: list[Any] = []

    def fill(self, cut: Cut, stacked: NDArray[Any], batch: Any) -> None:
        low, high = cut.low, cut.high
        rows = slice(cut.offset, cut.offset + high - low)
        self.features[rows] = stacked[:, low:high].T
        first = len(stacked)
        for j in range(self.targets.shape[1]):
            self.targets[rows, j] = floats(batch.column(first + j).slice(low, high - low))
        self.texts.append(batch.column(batch.num_columns - 1).slice(low, high - low))

    def ids(self) -> NDArray[np.object_]:
        parts = [id_texts(texts) for texts in self.texts]
        return row_ids(pa.chunked_array(parts), f"the ids of {self._place}", self._first)

    def check(self, names: Sequence[str]) -> None:
        check_finite(self.targets, names, self._place, self._first)


def _parts(
    table: EraTable,
    files: DataFiles,
    features: Sequence[str],
    targets: Sequence[str],
    eras: Sequence[str],
) -> Iterator[_Part]:
    part: _Part | None = None
    for first, batch, cuts in table.batches([*features, *targets, files.id], eras):
        stacked = feature_columns(batch, features, files.values, table.path.name, first)
        for cut in cuts:
            if part is None:
                part = _Part(table, cut, len(features), files.values, len(targets))
            part.fill(cut, stacked, batch)
            if cut.last:
                part.check(targets)
                yield part
                part = None


def _check_kinds(table: EraTable, id_column: str, targets: Sequence[str]) -> None:
    kind = plain(table.kind(id_column))
    if not (is_text(kind) or pa.types.is_integer(kind)):
        raise _wrong_kind(table, id_column, kind, "text or whole numbers")
    for name in targets:
        kind = plain(table.kind(name))
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise _wrong_kind(table, name, kind, "numbers")


def check_label(era: str, table: EraTable, row: int) -> None:
    """Refuse the label of an era that is no number or date.

    Raises:
        SchemaError: column, row and file are named.
    """
    try:
        era_number(era)
    except SchemaError as error:
        place = f"{table.era} in row {row} of {table.path}"
        raise SchemaError(f"{error.message.rstrip('.')}. Found in column {place}") from None


def _wrong_kind(table: EraTable, name: str, kind: Any, expected: str) -> SchemaError:
    return SchemaError(
        f"a column of {table.path.name} is of the wrong type",
        received=f"{name}: {kind}",
        expected=expected,
    )
