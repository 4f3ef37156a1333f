"""Anybody's prediction files: CSV or parquet with ids and one or several columns of predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from typing_extensions import override

from erazoo.errors import ConfigError, SchemaError
from etl.ids import id_digests, id_texts
from etl.tables.base import EraTable, era_labels, is_text, plain
from etl.tables.delimited import CsvTable
from etl.tables.open import DELIMITED, open_table

UNNAMED = ("__index_level_0__", "", "Unnamed: 0")
"""What pandas calls an index without a name, in parquet and in CSV."""
ERAS = ("era", "date")
ASSET = "symbol"
BESIDE = ("data_type", "fold", *ERAS)
"""Columns that may stand beside predictions and are none."""
CLASS_PREFIXES = ("probability_", "prob_", "class_")
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class FileColumns:
    """The candidates of one file.

    Args:
        path: the file.
        name: what the file calls its owner, else its stem.
        first_id: for messages.
        digests: (n,) of the ids, each once.
        values: (n,) predictions by column.
        classes: class values in ascending order, where there are columns of class probabilities.
        probabilities: (n, classes) of these columns.
    """

    path: Path
    name: str
    first_id: str
    digests: NDArray[np.uint64]
    values: dict[str, NDArray[Any]]
    classes: tuple[float, ...] = ()
    probabilities: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.digests)


class _PreciseCsv(CsvTable):
    """A CSV whose numbers keep all their digits: ranks are taken of them."""

    @override
    def kind(self, column: str) -> Any:
        return pa.string() if column in self.texts else pa.float64()


def read_prediction_file(path: Path, id_column: str = "id") -> FileColumns:
    """Read and check a prediction file.

    Ids stand in a column `id` (or `id_column`), in a pandas index, or as `symbol` beside `era` or
    `date`. Every other column of numbers, but targets, is a candidate. Columns such as
    `probability_0.25` are probabilities of that class; without a column of predictions the
    expected class takes its place.

    Memory: eight bytes a row for the ids, and the columns.

    Raises:
        DataError: no such file, or no table.
        SchemaError: ids are missing or repeated; a prediction is missing, infinite or no number;
            probabilities that are none. File, row and value are named.
    """
    table = _open(path, id_column)
    ids = _id_columns(table, id_column)
    columns, classes = _prediction_columns(table, ids)
    wanted = [*columns, *(name for name, _ in classes)]
    numbers = {name: np.empty(table.rows, dtype=_dtype(table, name)) for name in wanted}
    digests = np.empty(table.rows, dtype=np.uint64)
    for first, batch in table.scan([*ids, *wanted]):
        rows = slice(first, first + batch.num_rows)
        digests[rows] = id_digests(_texts(batch, ids, path, first))
        for j, name in enumerate(wanted, len(ids)):
            numbers[name][rows] = _finite(batch.column(j), name, path, first)
    _check_once(table, ids, digests)
    example = next(_rows(table, ids, 0))
    values = {name: numbers[name] for name in columns}
    if not classes:
        return FileColumns(path, _name(table), example, digests, values)
    probabilities = np.column_stack([numbers[name] for name, _ in classes]).astype(np.float64)
    kinds = tuple(value for _, value in classes)
    _check_probabilities(probabilities, path)
    values = values or {"expected": probabilities @ np.array(kinds)}
    return FileColumns(path, _name(table), example, digests, values, kinds, probabilities)


def candidate_names(files: Sequence[FileColumns]) -> list[list[str]]:
    """A name for each candidate of each file: the file's, with the column where it has several.

    Raises:
        ConfigError: a file is named twice.
    """
    paths = [file.path.resolve() for file in files]
    if len(set(paths)) != len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise ConfigError("a prediction file is named twice", received=str(twice))
    stems = [file.name for file in files]
    for depth in range(1, max(len(path.parts) for path in paths)):
        if len(set(stems)) == len(stems):
            break
        clash = {stem for stem in stems if stems.count(stem) > 1}
        stems = [
            f"{path.parts[-1 - depth]}.{stem}" if stem in clash else stem
            for path, stem in zip(paths, stems, strict=True)
        ]
    return [
        [stem] if len(file.values) == 1 else [f"{stem}.{column}" for column in file.values]
        for file, stem in zip(files, stems, strict=True)
    ]


def _open(path: Path, id_column: str) -> EraTable:
    texts = (id_column, "id", ASSET, *UNNAMED, *BESIDE)
    if path.name.endswith(DELIMITED):
        return _PreciseCsv(path, ASSET, texts, "X")
    return open_table(path, ASSET, texts, "X")


def _name(table: EraTable) -> str:
    """The name that `Predictions.save` records, else the file's stem."""
    stem = table.path.name.split(".")[0]
    if table.path.name.endswith(DELIMITED):
        return stem
    recorded = (pq.read_schema(table.path).metadata or {}).get(b"erazoo.name")
    return recorded.decode() if recorded else stem


def _id_columns(table: EraTable, id_column: str) -> list[str]:
    for name in dict.fromkeys((id_column, "id")):
        if name in table.columns and name != ASSET:
            return [name]
    if ASSET in table.columns:
        era = next((name for name in ERAS if name in table.columns), None)
        if era is None:
            raise SchemaError(
                "predictions by symbol need their dates",
                received=f"{ASSET} alone in {table.path}",
                expected=f"a column {' or '.join(ERAS)} beside it",
            )
        return [ASSET, era]
    for name in UNNAMED:
        if name in table.columns:
            return [name]
    raise SchemaError(
        "a prediction file has no ids",
        received=f"{', '.join(table.columns[:5])} in {table.path}",
        expected=f"a column {id_column!r}, a pandas index of ids, or {ASSET} and date",
    )


def _prediction_columns(
    table: EraTable, ids: Sequence[str]
) -> tuple[list[str], list[tuple[str, float]]]:
    """The columns of predictions, and those of class probabilities with their classes."""
    left_out = {*ids, *BESIDE, *UNNAMED, "id", ASSET}
    named = [c for c in table.columns if c not in left_out and not c.startswith("target")]
    classes = [(c, value) for c in named if (value := _class_of(c)) is not None]
    classes = sorted(classes, key=lambda item: item[1]) if len(classes) > 1 else []
    found = [c for c in named if c not in {name for name, _ in classes}]
    if not found and not classes:
        raise SchemaError(
            "a prediction file has no predictions",
            received=f"{', '.join(table.columns[:5])} in {table.path}",
            expected="a column of numbers beside the ids",
        )
    if len({value for _, value in classes}) != len(classes):
        raise SchemaError("a class has two columns of probabilities", received=str(table.path))
    return found, classes


def _class_of(column: str) -> float | None:
    """The class whose probability a column holds, by its name.

    >>> _class_of("probability_0.25"), _class_of("1"), _class_of("model_1")
    (0.25, 1.0, None)
    """
    prefix = next((p for p in CLASS_PREFIXES if column.startswith(p)), "")
    try:
        value = float(column.removeprefix(prefix))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _dtype(table: EraTable, column: str) -> np.dtype[Any]:
    kind = plain(table.kind(column))
    return np.dtype(np.float32 if pa.types.is_float32(kind) else np.float64)


def _texts(batch: Any, ids: Sequence[str], path: Path, first: int) -> Any:
    texts = id_texts(batch.column(0))
    if len(ids) > 1:
        dates = era_labels(batch.column(1), f"{ids[1]} of {path}", first)
        between = pa.scalar("_", pa.large_string())
        texts = pc.binary_join_element_wise(texts, pc.cast(dates, pa.large_string()), between)
    if texts.null_count:
        row = first + pc.index(texts.is_null(), True).as_py()
        raise SchemaError("an id is missing", received=f"row {row} of {path}", expected="one a row")
    return texts


def _finite(column: Any, name: str, path: Path, first: int) -> NDArray[Any]:
    """A column as numbers without a missing or infinite one."""
    held = plain(column.type)
    if is_text(held) or pa.types.is_boolean(held):
        raise _wrong(_first_text(column), name, path, first, column)
    try:
        kind = pa.float32() if pa.types.is_float32(held) else pa.float64()
        numbers = pc.cast(column, kind, safe=False).to_numpy(zero_copy_only=False)
    except pa.ArrowException:
        raise SchemaError(
            "predictions are no numbers", received=f"{name}: {column.type} in {path}"
        ) from None
    finite = np.isfinite(numbers)
    if not finite.all():
        raise _wrong(int((~finite).argmax()), name, path, first, column)
    return np.asarray(numbers)


def _first_text(column: Any) -> int:
    """The first cell of texts that is no number, else the first cell."""
    for row, cell in enumerate(column):
        try:
            float(cell.as_py())
        except (TypeError, ValueError):
            return row
    return 0


def _wrong(row: int, name: str, path: Path, first: int, column: Any) -> SchemaError:
    value = column[row].as_py()
    return SchemaError(
        "a prediction is no finite number",
        received=f"{'nothing' if value is None else repr(value)} in column {name}, "
        f"row {first + row} of {path}",
        expected="a number in every row; leave out rows without a prediction",
    )


def _check_once(table: EraTable, ids: Sequence[str], digests: NDArray[np.uint64]) -> None:
    ordered = np.sort(digests)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return
    rows = np.flatnonzero(digests == twice[0])[:2]
    text = next(_rows(table, ids, int(rows[0])))
    raise SchemaError(
        "an id stands twice in a prediction file",
        received=f"{text!r} in rows {rows[0]} and {rows[1]} of {table.path}; "
        f"{len(twice)} repeated in all",
        expected="each id once",
    )


def _rows(table: EraTable, ids: Sequence[str], row: int) -> Iterator[str]:
    for first, batch in table.scan(list(ids), row):
        yield str(_texts(batch.slice(0, 1), ids, table.path, first)[0].as_py())


def _check_probabilities(probabilities: NDArray[np.float64], path: Path) -> None:
    outside = (probabilities < 0) | (probabilities > 1)
    apart = np.abs(probabilities.sum(axis=1) - 1) > SUM_TOLERANCE
    wrong = outside.any(axis=1) | apart
    if wrong.any():
        row = int(wrong.argmax())
        shown = ", ".join(f"{value:.4g}" for value in probabilities[row])
        raise SchemaError(
            "class probabilities are none",
            received=f"{shown} in row {row} of {path}",
            expected="values from 0 to 1 that sum to 1",
        )
