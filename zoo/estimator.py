"""What every model that is not a network offers, whatever its library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from etl.shards import ShardSet


class Estimator(Protocol):
    """Fits straight from shards, predicts raw features, keeps itself in a native format."""

    def fit(
        self, data: ShardSet, eras: Sequence[str], target: str, seed: int, threads: int
    ) -> None:
        """Learn from the rows of `eras` whose target is resolved; `threads` is 1 or more."""

    def predict(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (rows,) for raw features (rows, F)."""

    def save(self, folder: Path) -> None:
        """Write the model's files into `folder`."""

    def load(self, folder: Path) -> None:
        """Read back what `save` wrote."""
