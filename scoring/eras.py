"""Contiguous era slices: the row layout that every score works on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.eras import EraAxis
from erazoo.errors import DataError


@dataclass(frozen=True)
class EraSlices:
    """Where each era begins and ends in era-ordered rows.

    Args:
        labels: (E,) era labels in row order.
        bounds: (E + 1,) row positions; era `k` holds the rows `bounds[k]` to `bounds[k + 1] - 1`.
    """

    labels: tuple[str, ...]
    bounds: NDArray[np.int64]

    @classmethod
    def from_labels(cls, eras: NDArray[Any]) -> EraSlices:
        """The slices of a column of era labels, shape (rows,).

        A single era may have any label (live rows); several must be in chronological order.

        Raises:
            DataError: no rows, eras out of order, or one era in two places.
        """
        labels = np.asarray(eras)
        if labels.ndim != 1 or len(labels) == 0:
            raise DataError(
                "era labels cannot be sliced",
                received=f"an array of shape {labels.shape}",
                expected="one label a row, and at least one row",
            )
        starts = np.concatenate(([0], np.flatnonzero(labels[1:] != labels[:-1]) + 1))
        names = tuple(str(labels[start]) for start in starts)
        if len(names) > 1:
            EraAxis(names)
        return cls(names, np.append(starts, len(labels)).astype(np.int64))

    @property
    def rows(self) -> int:
        """The number of rows in all eras."""
        return int(self.bounds[-1])

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each era, shape (E,)."""
        return np.diff(self.bounds)

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[slice]:
        for first, last in zip(self.bounds[:-1], self.bounds[1:], strict=True):
            yield slice(int(first), int(last))
