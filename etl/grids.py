"""Feature columns of a table as one matrix: quintile codes or floats, checked value by value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from erazoo.errors import SchemaError
from erazoo.panel import QUINTILES
from etl.tables import EraTable
from etl.tables.base import plain

MISSING = -1
"""Stands for a missing quintile until cleaning says what takes its place."""
UNIT_STEPS = QUINTILES - 1
TOLERANCE = 1e-6


def dtype_of(values: str) -> np.dtype[Any]:
    """The type that features written as `values` are kept in."""
    return np.dtype(np.float32 if values == "float" else np.int8)


def check_features(table: EraTable, names: Sequence[str], values: str) -> None:
    """Refuse a table whose feature columns cannot hold `values`.

    Raises:
        SchemaError: a column is missing or of another type; it is named.
    """
    table.need(names)
    for name in names if table.typed else ():
        kind = plain(table.kind(name))
        whole = pa.types.is_integer(kind)
        if values == "quintile" and not whole:
            raise SchemaError(
                "a feature column is not of the quintile type",
                received=f"{name}: {kind} in {table.path.name}",
                expected="int8 or uint8",
                hint="Set data.values = 'unit' for 0 to 1 in quarters, 'float' for other numbers",
            )
        if not (whole or pa.types.is_floating(kind)):
            raise SchemaError(
                "a feature column is not of numbers",
                received=f"{name}: {kind} in {table.path.name}",
            )


def feature_columns(
    batch: Any, names: Sequence[str], values: str, place: str, first: int = 0
) -> NDArray[Any]:
    """The features of a batch, a row a feature: shape (F, rows).

    Args:
        batch: a record batch or table that holds the columns `names`, in this order and first.
        names: feature columns.
        values: `quintile` and `unit` give int8 codes 0 to 4 and `MISSING`; `float` gives float32
            with NaN.
        place: the file, for messages.
        first: the batch's first row in the file, for messages.

    Raises:
        SchemaError: a value off the grid; column, row and value are named.
    """
    out = np.empty((len(names), batch.num_rows), dtype=dtype_of(values))
    if values == "quintile":
        _quintiles(out, batch, names, place, first)
    else:
        for j, name in enumerate(names):
            numbers = floats(batch.column(j))
            out[j] = numbers if values == "float" else _codes(numbers, UNIT_STEPS)
            wrong = np.isinf(numbers) if values == "float" else out[j] == QUINTILES
            if wrong.any():
                row = int(wrong.argmax())
                expected = "finite numbers" if values == "float" else "0, 0.25, 0.5, 0.75 or 1"
                value = batch.column(j)[row].as_py()
                raise _off_grid(value, name, first + row, place, expected)
    return out


def _quintiles(out: NDArray[Any], batch: Any, names: Sequence[str], place: str, first: int) -> None:
    holes = []
    for j in range(len(names)):
        column = batch.column(j)
        if column.null_count or not (column.type == _INT8 or column.type == _UINT8):
            holes.append(j)
            out[j] = _wide_codes(column)
        else:
            out[j] = column.to_numpy()
    whole = out.view(np.uint8)
    bad = int(whole.max(initial=0)) >= QUINTILES
    if bad and holes:
        allowed = np.zeros(len(names), dtype=bool)
        allowed[holes] = True
        bad = bool(((whole >= QUINTILES) & ~(allowed[:, None] & (out == MISSING))).any())
    if bad:
        wrong = (out < 0) | (out >= QUINTILES)
        for j in holes:
            wrong[j] &= out[j] != MISSING
        j, row = (int(i[0]) for i in np.nonzero(wrong))
        value = batch.column(j)[row].as_py()
        raise _off_grid(value, names[j], first + row, place, f"0 to {QUINTILES - 1}")


_INT8, _UINT8 = pa.int8(), pa.uint8()


def _wide_codes(column: Any) -> NDArray[np.int8]:
    """Codes of a column with holes or of another number type; off-grid values become 5."""
    return _codes(floats(column), 1)


def _codes(numbers: NDArray[np.float32], steps: int) -> NDArray[np.int8]:
    scaled = numbers.astype(np.float64) * steps
    codes = np.rint(np.nan_to_num(scaled, nan=0.0, posinf=QUINTILES, neginf=QUINTILES))
    off = (np.abs(scaled - codes) > TOLERANCE) | (codes < 0) | (codes >= QUINTILES)
    codes[off | np.isinf(scaled)] = QUINTILES
    codes[np.isnan(scaled)] = MISSING
    return codes.astype(np.int8)


def check_finite(
    numbers: NDArray[np.float32], names: Sequence[str], place: str, first: int = 0
) -> None:
    """Refuse an infinite target.

    Args:
        numbers: (rows, columns).
        names: the columns.
        place: the file, for messages.
        first: the first row in the file, for messages.

    Raises:
        SchemaError: column and row are named.
    """
    wrong = np.isinf(numbers)
    if wrong.any():
        j = int(wrong.any(0).argmax())
        where = f"{names[j]}, row {first + int(wrong[:, j].argmax())} of {place}"
        raise SchemaError("a target is infinite", received=where, expected="numbers or NaN")


def floats(column: Any) -> NDArray[np.float32]:
    """A column of numbers, dictionary-encoded or not, as float32 with NaN for nulls."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    return np.asarray(pc.cast(column, pa.float32(), safe=False).to_numpy(zero_copy_only=False))


def _off_grid(value: Any, name: str, row: int, place: str, expected: str) -> SchemaError:
    return SchemaError(
        "a feature value is off its grid",
        received=f"{value} in column {name}, row {row} of {place}",
        expected=expected,
    )
