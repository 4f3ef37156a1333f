"""The tables of the data folder, written one era at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from erazoo.eras import LIVE_ERA
from erazoo.publish import atomic_file
from erazoo.tournament import TARGET_ALIAS
from etl.demo.targets import LONG_TARGET, TARGETS
from etl.demo.world import DemoEra, DemoWorld
from etl.layout import reference_schema, rows_schema

GROUP_ROWS = 8192
"""A row group ends with the era that brings it to this many rows."""
TARGET_COLUMNS = (TARGET_ALIAS, *TARGETS)
_ROWS = ("train", "validation", "live")
_BENCHMARKS, _META_MODEL = "_benchmark_models", "meta_model"


class TableFile:
    """A parquet file that grows by eras; a row group holds whole eras.

    Args:
        writer: an open writer.
        schema: the columns.
    """

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema
        self._waiting: list[pa.Table] = []

    def add(self, columns: Mapping[str, NDArray[np.generic]]) -> None:
        """Append the rows of one era."""
        arrays = [pa.array(columns[field.name], field.type) for field in self._schema]
        self._waiting.append(pa.Table.from_arrays(arrays, schema=self._schema))
        if sum(table.num_rows for table in self._waiting) >= GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the waiting eras as one row group."""
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
            self._waiting = []


class DemoFiles:
    """All tables of a data folder.

    Args:
        world: names the columns and the eras.
        tables: an open file for each of `schemas(world)`.
    """

    def __init__(self, world: DemoWorld, tables: Mapping[str, TableFile]) -> None:
        self._world, self._tables = world, tables

    def add(self, era: DemoEra) -> None:
        """Write one era to every table that it belongs to."""
        file = {"test": "validation"}.get(era.data_type, era.data_type)
        rows, world = len(era.ids), self._world
        key = {"id": era.ids, "era": np.full(rows, era.era)}
        kind = {"data_type": np.full(rows, era.data_type)}
        features = dict(zip(world.names, era.features, strict=True))
        self._tables[file].add(key | kind | features | visible_targets(era))
        self._tables[file + _BENCHMARKS].add(key | {world.benchmark.column: era.benchmark})
        if era.era != LIVE_ERA and era.era >= world.label(world.plan.eras // 2):
            self._tables[_META_MODEL].add(key | {world.meta_model.column: era.meta_model})


def schemas(world: DemoWorld) -> dict[str, pa.Schema]:
    """The schema of every table, by the stem of its file."""
    rows = rows_schema(world.names, TARGET_COLUMNS)
    benchmark = reference_schema([world.benchmark.column])
    return {
        **dict.fromkeys(_ROWS, rows),
        **{file + _BENCHMARKS: benchmark for file in _ROWS},
        _META_MODEL: reference_schema([world.meta_model.column]),
    }


@contextmanager
def open_files(world: DemoWorld, folder: Path) -> Iterator[DemoFiles]:
    """Open all tables of a world; they appear in `folder` when all of them are complete."""
    with ExitStack() as stack:
        tables = {}
        for name, schema in schemas(world).items():
            path = stack.enter_context(atomic_file(folder / f"{name}.parquet"))
            writer = stack.enter_context(pq.ParquetWriter(path, schema, compression="zstd"))
            tables[name] = TableFile(writer, schema)
        yield DemoFiles(world, tables)
        for table in tables.values():
            table.flush()


def visible_targets(era: DemoEra) -> dict[str, NDArray[np.float32]]:
    """The target columns as published: NaN where unresolved, and the alias beside them."""
    unknown = np.full(len(era.ids), np.nan, dtype=np.float32)
    seen = {t: era.truth[t] if t in era.resolved else unknown for t in TARGETS}
    return {TARGET_ALIAS: seen[LONG_TARGET], **seen}
