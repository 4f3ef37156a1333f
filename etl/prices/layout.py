"""The files of a data set, written from a price panel's columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from erazoo.publish import atomic_file

GROUP_ROWS = 65_536
ARROW = {"unicode": pa.string(), "int8": pa.int8(), "float32": pa.float32()}


def schema(features: Sequence[str], targets: Sequence[str]) -> pa.Schema:
    """The arrow schema of a data file; `id` is the index where pandas reads it."""
    kinds = {"id": "unicode", "era": "unicode", "data_type": "unicode"}
    kinds |= dict.fromkeys(features, "int8") | dict.fromkeys(targets, "float32")
    pandas = {
        "index_columns": ["id"],
        "column_indexes": [_described(None, "unicode")],
        "columns": [_described(name, kind) for name, kind in kinds.items()],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.3.0",
    }
    fields = [(name, ARROW[kind]) for name, kind in kinds.items()]
    return pa.schema(fields, metadata={"pandas": json.dumps(pandas)})


def write_rows(path: Path, table: pl.DataFrame, wanted: pa.Schema) -> None:
    """Write `table` in row groups of at most `GROUP_ROWS` rows, complete or not at all."""
    with atomic_file(path) as temporary, pq.ParquetWriter(temporary, wanted) as writer:
        for piece in table.select(wanted.names).iter_slices(GROUP_ROWS):
            writer.write_table(piece.to_arrow().cast(wanted))


def _described(name: str | None, kind: str) -> dict[str, object]:
    return {
        "name": name,
        "field_name": name,
        "pandas_type": kind,
        "numpy_type": "object" if kind == "unicode" else kind,
        "metadata": None,
    }
