"""Era by era, the prediction columns that share their scored rows, as contiguous blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import DataError
from scoring.eras import EraSlices

MIN_ROWS = 10
MIN_OVERLAP = 0.8
_BLOCK_VALUES = 1 << 21


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
) -> Iterator[EraColumns]:
    """Yield every (era, column) that can be scored, complete columns together.

    A column is scored in an era on the usable rows that it has, where these are at least
    `MIN_ROWS` and at least `MIN_OVERLAP` of the era's resolved rows. What numerai-tools refuses
    with an assertion is left out here, and its score stays NaN.

    Args:
        predictions: (n, M), NaN where a model has no prediction; may be a memory map.
        usable: (n,) rows that a score may use.
        resolved: (n,) rows that have a target.
        slices: the eras of the rows.
    """
    everything = predictions.shape[1]
    for era, span in enumerate(slices):
        target_rows = int(resolved[span].sum())
        local = np.flatnonzero(usable[span])
        if not _enough(len(local), target_rows):
            continue
        step = max(1, _BLOCK_VALUES // len(local))
        for first in range(0, everything, step):
            block = predictions[span, first : first + step]
            if len(local) < block.shape[0]:
                block = block[local]
            yield from _split(era, first, local + span.start, block, target_rows)


def _split(
    era: int,
    first: int,
    rows: NDArray[np.int64],
    block: NDArray[np.floating[Any]],
    target_rows: int,
) -> Iterator[EraColumns]:
    values = np.ascontiguousarray(block.T)
    columns = np.arange(first, first + len(values))
    missing = np.isnan(values)
    gaps = missing.any(axis=1)
    if not gaps.any():
        yield EraColumns(era, columns, rows, values)
        return
    if not gaps.all():
        yield EraColumns(era, columns[~gaps], rows, values[~gaps])
    for j in np.flatnonzero(gaps):
        kept = ~missing[j]
        if _enough(int(kept.sum()), target_rows):
            yield EraColumns(era, columns[j : j + 1], rows[kept], values[j : j + 1, kept])


def _enough(rows: int, target_rows: int) -> bool:
    return rows >= MIN_ROWS and rows / target_rows >= MIN_OVERLAP


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
