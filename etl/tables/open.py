"""From a path to its table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from erazoo.errors import DataError
from etl.tables.base import EraTable

PARQUET = (".parquet", ".pq")
DELIMITED = (".csv", ".csv.gz")


def open_table(
    path: Path, era: str = "era", texts: Sequence[str] = (), sole: str | None = None
) -> EraTable:
    """Open a table by its suffix: .parquet, .pq, .csv or .csv.gz.

    Args:
        path: the file.
        era: its era column.
        texts: further columns that are texts, whatever they look like.
        sole: the era of all rows where there is no such column; None where there must be one.

    Raises:
        DataError: the file is missing, damaged, empty or of another kind.
    """
    if path.name.endswith(DELIMITED):
        from etl.tables.delimited import CsvTable

        return CsvTable(path, era, texts, sole)
    if path.name.endswith(PARQUET):
        from etl.tables.parquet import ParquetTable

        return ParquetTable(path, era, texts, sole)
    raise DataError(
        "a data file is of an unknown kind",
        received=str(path),
        expected=" or ".join((*PARQUET, *DELIMITED)),
    )


def table_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The files that `paths` name: themselves, or the tables in a folder by name.

    Raises:
        DataError: a path is missing, a folder without a table, or a file named twice.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.name.endswith((*PARQUET, *DELIMITED)))
            if not found:
                raise DataError(
                    "a folder holds no table",
                    received=str(path),
                    expected="files ending in " + " or ".join((*PARQUET, *DELIMITED)),
                )
            files += found
        elif path.is_file():
            files.append(path)
        else:
            raise DataError("a data file is missing", received=str(path))
    if len({p.resolve() for p in files}) != len(files):
        raise DataError("a data file is named twice", received=", ".join(map(str, paths)))
    return tuple(files)
