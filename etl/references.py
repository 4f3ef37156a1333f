"""Predictions of the meta model and of benchmarks, joined to the rows of a panel by id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from erazoo.eras import LIVE_ERA, era_number
from erazoo.errors import SchemaError
from erazoo.tournament import CLASSIC
from etl.files import DataFiles
from etl.grids import floats
from etl.ids import row_ids
from etl.tables import EraTable, open_table


@dataclass(frozen=True)
class ReferenceTable:
    """A file of predictions.

    Args:
        table: the file.
        id: its column of ids.
        columns: its predictions, a number column a model; its other columns are texts.
    """

    table: EraTable
    id: str
    columns: tuple[str, ...]

    @classmethod
    def open(cls, path: Path, files: DataFiles) -> ReferenceTable:
        """A file whose columns of eras and ids are called as in `files`, or `era` and `id`.

        Raises:
            SchemaError: it lacks one of the two.
        """
        eras, ids = ((files.era, CLASSIC.era_column), (files.id, CLASSIC.id_column))
        for era in dict.fromkeys(eras):
            table = open_table(path, era, ids, LIVE_ERA)
            if table.sole is None:
                break
        name = next((c for c in ids if c in table.columns), files.id)
        table.need([table.era, name])
        found = [c for c in table.columns if c not in (name, table.era)]
        return cls(table, name, tuple(c for c in found if table.is_number(c)))

    def blocks(self, eras: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
        """(era, ids and predictions) of `eras` in file order."""
        return self.table.tables([self.id, *self.columns], eras)


class References:
    """The reference tables of a panel: era by era, each file read once in order.

    Args:
        paths: the files.
        files: the panel that they belong to.
    """

    def __init__(self, paths: Sequence[Path], files: DataFiles) -> None:
        self.tables = [ReferenceTable.open(path, files) for path in paths]
        self.names = tuple(dict.fromkeys(name for t in self.tables for name in t.columns))

    def check_labels(self, eras: Sequence[str]) -> None:
        """Refuse a file whose eras are those of the panel, written otherwise.

        It would be joined to no row, which is also what a file of other eras looks like.

        Raises:
            SchemaError: no label of a file is among `eras`, but numbers of its labels are.
        """
        known, numbers = set(eras), {era_number(era): era for era in eras}
        for held in self.tables:
            labels = [run.era for run in held.table.runs if run.era != LIVE_ERA]
            alike = next((era for era in labels if era_number(era) in numbers), None)
            if alike is not None and not known.intersection(labels):
                raise SchemaError(
                    "a reference file writes eras differently than the data",
                    received=f"era {alike!r} in {held.table.path}",
                    expected=repr(numbers[era_number(alike)]),
                )

    def reader(self, eras: Sequence[str]) -> ReferenceReader:
        """A reader of `eras`, to be asked in their order."""
        return ReferenceReader(self.tables, self.names, eras)


class ReferenceReader:
    """One pass over the reference tables."""

    def __init__(
        self, tables: Sequence[ReferenceTable], names: Sequence[str], eras: Sequence[str]
    ) -> None:
        self._tables, self._names = list(tables), list(names)
        self._streams = [table.blocks(eras) for table in tables]
        self._left = [{run.era for run in t.table.runs} & set(eras) for t in tables]

    def of(self, era: str, ids: NDArray[np.object_]) -> NDArray[np.float32]:
        """The predictions for the rows `ids` of `era`: (rows, references), NaN where absent."""
        out = np.full((len(ids), len(self._names)), np.nan, dtype=np.float32)
        for held, left, stream in zip(self._tables, self._left, self._streams, strict=True):
            if era not in left:
                continue
            left.discard(era)
            found, table = next(stream)
            if found != era:
                raise SchemaError(
                    "a reference file is sorted differently than the data",
                    received=f"era {found!r} before {era!r} in {held.table.path}",
                )
            place = f"era {era} of {held.table.path.name}"
            known_ids = pa.array(row_ids(table.column(0), place))
            position = pc.index_in(pa.array(ids, pa.string()), known_ids)
            known = position.is_valid().to_numpy(zero_copy_only=False)
            if not known.any():
                raise SchemaError(
                    "a reference file knows no id of an era that it holds",
                    received=f"{known_ids[0]} in {place}",
                    expected=f"ids such as {ids[0]}",
                )
            source = position.drop_null().to_numpy()
            for name in held.columns:
                values = floats(table.column(name))
                out[known, self._names.index(name)] = values[source]
        return out
