"""The files of a data set, written from a price panel's columns."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from erazoo.publish import atomic_file

GROUP_ROWS = 65_536


def write_rows(path: Path, table: pl.DataFrame, wanted: pa.Schema) -> None:
    """Write `table` in row groups of at most `GROUP_ROWS` rows, complete or not at all."""
    with atomic_file(path) as temporary, pq.ParquetWriter(temporary, wanted) as writer:
        for piece in table.select(wanted.names).iter_slices(GROUP_ROWS):
            writer.write_table(piece.to_arrow().cast(wanted))
