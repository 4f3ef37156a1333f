"""What mining asks of a library of boosted trees."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from erazoo.panel import OWN_CODE
from etl.shards.rows import ShardRows
from search.rows import FoldColumns
from zoo.boosting.params import BoostingParams

PIECE = 1 << 14
"""Rows that are turned into floating-point numbers at a time."""


class Grower(Protocol):
    """A model that is grown and predicted with in steps."""

    def grow(self, trees: int) -> None:
        """Grow until there were so many rounds in all."""
        ...

    def predict(self, margins: NDArray[np.float64], columns: FoldColumns) -> None:
        """Bring a fold's predictions (n,), the offset taken off, to what the trees say now."""
        ...


class Library(Protocol):
    """A library of boosted trees.

    Attributes:
        switches: whether the labels of binned rows can be switched.
    """

    switches: bool

    def bin(self, rows: ShardRows, max_bin: int, sample_rows: int) -> Any:
        """Bin training rows, read in stretches.

        Args:
            rows: with labels and weights.
            max_bin: bins a feature, at most.
            sample_rows: rows that bins are found from, at most, where the library samples.
        """
        ...

    def grower(
        self,
        bins: Any,
        labels: NDArray[np.float32],
        params: BoostingParams,
        seed: int,
        used: NDArray[np.int64],
        offset: float,
    ) -> Grower:
        """A model without trees.

        Args:
            bins: their labels are switched, where the library can.
            labels: (n,) of their rows.
            params: of the model.
            seed: of all that is drawn.
            used: (F,) places of its features among those of the panel.
            offset: what is taken off its predictions.
        """
        ...


@runtime_checkable
class Keeping(Library, Protocol):
    """A library that writes binned rows to files; others bin them again in each process.

    Attributes:
        suffix: of the files.
    """

    suffix: str

    def save(self, bins: Any, path: Path) -> None:
        """Write binned rows to a file."""
        ...

    def load(self, path: Path, max_bin: int, sample_rows: int) -> Any:
        """The binned rows of a file, which forked processes share."""
        ...


def library(model: str) -> Library:
    """The library of a model by its name in the catalogue."""
    found: Library = import_module(f"search.trees.{model}").LIBRARY
    return found


def numbers(
    piece: NDArray[Any], used: NDArray[np.int64], missing: int | None
) -> NDArray[np.float32]:
    """A stretch of columns (F, m) as the rows (m, used) float32 that libraries predict."""
    found = np.ascontiguousarray(piece[used].T, dtype=np.float32)
    if missing == OWN_CODE:
        found[found == OWN_CODE] = np.nan
    return found
