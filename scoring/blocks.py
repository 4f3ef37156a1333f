"""Era by era, the prediction columns that share their scored rows, as contiguous blocks."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import DataError
from scoring.eras import EraSlices

MIN_ROWS = 10
MIN_OVERLAP = 0.8
_READ_VALUES = 1 << 23
_BLOCK_VALUES = 1 << 17
# Columns that lie apart in a file may map a page of megabytes each.
_READ_APART = 64


@dataclass(frozen=True)
class EraColumns:
    """Predictions of some columns in the scored rows of one era.

    Args:
        era: the era's position in the slices.
        columns: (m,) positions of the prediction columns.
        rows: (r,) row positions, ascending.
        values: (m, r) predictions without NaN, one contiguous row a column.
    """

    era: int
    columns: NDArray[np.int64]
    rows: NDArray[np.int64]
    values: NDArray[np.floating[Any]]


def era_columns(
    predictions: NDArray[np.floating[Any]],
    usable: NDArray[np.bool_],
    resolved: NDArray[np.bool_],
    slices: EraSlices,
    least: int = 0,
) -> Iterator[EraColumns]:
    """Yield every (era, column) that can be scored, complete columns together.

    A column is scored in an era on the usable rows that it has, where these are at least
    `MIN_ROWS` and at least `MIN_OVERLAP` of the era's resolved rows. What numerai-tools refuses
    with an assertion is left out here, and its score stays NaN.

    Args:
        predictions: (n, M), NaN where a model has no prediction. A memory map may be larger than
            memory: what was read of it is let go.
        usable: (n,) rows that a score may use.
        resolved: (n,) rows that have a target.
        slices: the eras of the rows.
        least: rows that the score needs, where these are more than `MIN_ROWS`.
    """
    least = max(least, MIN_ROWS)
    for era, span in enumerate(slices):
        target_rows = int(resolved[span].sum())
        local = np.flatnonzero(usable[span])
        if not _enough(len(local), target_rows, least):
            continue
        for first, values in read_era(predictions, span):
            if len(local) < values.shape[1]:
                values = values[:, local]
            for part in _pieces(era, first, local + span.start, values):
                if _enough(len(part.rows), target_rows, least):
                    yield part


def read_era(
    predictions: NDArray[np.floating[Any]], span: slice
) -> Iterator[tuple[int, NDArray[np.floating[Any]]]]:
    """An era's predictions in stretches of columns.

    Yields:
        The first column's position, and (m, r) values, one contiguous row a column.
    """
    wide = max(1, _READ_VALUES // (span.stop - span.start))
    if predictions.strides[0] < predictions.strides[1]:
        wide = min(wide, _READ_APART)
    for first in range(0, predictions.shape[1], wide):
        values = np.array(predictions[span, first : first + wide].T, order="C")
        _let_go(predictions)
        yield first, values


def whole_era(predictions: NDArray[np.floating[Any]], span: slice) -> NDArray[np.floating[Any]]:
    """All columns of an era, (M, r), one contiguous row a column."""
    return np.concatenate([values for _, values in read_era(predictions, span)])


def _pieces(
    era: int, first: int, rows: NDArray[np.int64], values: NDArray[np.floating[Any]]
) -> Iterator[EraColumns]:
    """Columns that share their rows, few enough to stay in the processor's cache."""
    step = max(1, _BLOCK_VALUES // len(rows))
    for start in range(0, len(values), step):
        block = values[start : start + step]
        for kept, members in same_rows(~np.isnan(block)):
            part = block if len(members) == len(block) else block[members]
            if not kept.all():
                part = np.ascontiguousarray(part[:, kept])
            yield EraColumns(era, first + start + members, rows[kept], part)


def same_rows(
    present: NDArray[np.bool_],
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
    """The columns that have the same rows, together.

    Args:
        present: (m, r) whether a column has a row.

    Yields:
        (r,) rows, and the positions of the columns that have exactly these.
    """
    whole = present.all(axis=1)
    if whole.any():
        yield present[whole.argmax()], np.flatnonzero(whole)
    groups: dict[bytes, list[int]] = {}
    for j in np.flatnonzero(~whole):
        groups.setdefault(np.packbits(present[j]).tobytes(), []).append(int(j))
    for members in groups.values():
        yield present[members[0]], np.array(members)


def _enough(rows: int, target_rows: int, least: int) -> bool:
    return rows >= least and rows / target_rows >= MIN_OVERLAP


def _let_go(predictions: NDArray[Any]) -> None:
    """Unmap what was read of a memory map; the file stays in the system's cache."""
    known: dict[str, Any] = vars(predictions) if isinstance(predictions, np.memmap) else {}
    # Private maps would lose what was written to them.
    if known.get("mode") in ("r", "r+") and known["_mmap"] and hasattr(mmap, "MADV_DONTNEED"):
        known["_mmap"].madvise(mmap.MADV_DONTNEED)


def as_columns(predictions: NDArray[Any], slices: EraSlices) -> NDArray[np.floating[Any]]:
    """Predictions as (n, M) float32 or float64 without a copy where they already are.

    Raises:
        DataError: not one or two dimensions, or rows that do not fit the slices.
    """
    array = np.asanyarray(predictions)
    if array.ndim not in (1, 2) or len(array) != slices.rows:
        raise DataError(
            "predictions do not fit the eras",
            received=f"shape {array.shape}",
            expected=f"({slices.rows},) or ({slices.rows}, columns)",
        )
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    return array[:, None] if array.ndim == 1 else array


def as_vector(values: NDArray[Any], slices: EraSlices, name: str) -> NDArray[np.float64]:
    """A target or reference as (n,) float64.

    Raises:
        DataError: rows that do not fit the slices, or infinite values.
    """
    vector = np.asarray(values, dtype=np.float64)
    if vector.shape != (slices.rows,):
        raise DataError(
            f"the {name} does not fit the eras",
            received=f"shape {vector.shape}",
            expected=f"({slices.rows},)",
        )
    if np.isinf(vector).any():
        raise DataError(f"the {name} holds infinite values", expected="finite numbers or NaN")
    return vector
