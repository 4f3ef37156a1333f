"""What scikit-learn's trees share: rows in memory, slices in threads, a file without pickle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pydantic import Field

from erazoo.machine import cores
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from etl.shards.rows import BATCH_BYTES, as_floats
from zoo.catalogue import Params
from zoo.drawn import draw
from zoo.estimator import Fit, not_fitted
from zoo.limits import limited
from zoo.skops_file import read_skops, write_skops

FILE = "model.skops"


class TreeParams(Params):
    """Options of every tree.

    Args:
        max_depth: of a tree, None for no limit.
        min_samples_leaf: rows of a leaf, at least.
        max_features: share of the features that a split chooses from.
        rows: learned at most, drawn evenly over eras; the memory follows.
    """

    max_depth: int | None = Field(8, ge=1)
    min_samples_leaf: int = Field(500, ge=1)
    max_features: float = Field(1.0, gt=0, le=1)
    rows: int = Field(500_000, ge=1)


P = TypeVar("P", bound=TreeParams)


class Trees(ABC, Generic[P]):
    """Trees of scikit-learn on raw features; missing values go the way that errs least."""

    name: ClassVar[str]
    dtype: ClassVar[DTypeLike] = np.float32

    def __init__(self, params: P, spec: FeatureSpec) -> None:
        self.params, self.spec = params, spec
        self.model: Any = None

    @abstractmethod
    def untrained(self, fit: Fit) -> Any:
        """The library's model, with the seed and the threads of a fit."""

    def fit(self, data: ShardSet, fit: Fit) -> None:
        """Grow the trees on the drawn rows, each by its weight.

        Raises:
            TrainingError: no row has a resolved target.
        """
        rows = draw(self.name, data, fit, self.params.rows, self._numbers, self.dtype)
        with limited(self.name, fit.threads):
            model = self.untrained(fit).fit(rows.features, rows.target, sample_weight=rows.weights)
        self.model = model

    def predict(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (rows,); slices of the rows share the cores."""
        from joblib import Parallel, delayed

        if self.model is None:
            raise not_fitted()
        step = max(1, BATCH_BYTES // (8 * len(self.spec.names)))
        starts = range(0, len(features), step)
        jobs = Parallel(max(1, min(cores(), len(starts))), prefer="threads")
        parts = jobs(delayed(self._predicted)(features[low : low + step]) for low in starts)
        return np.concatenate([np.empty(0, np.float32), *parts])

    def save(self, folder: Path) -> None:
        """Write the model by skops, which holds no code."""
        if self.model is None:
            raise not_fitted()
        write_skops(folder / FILE, self.model)

    def load(self, folder: Path) -> None:
        """Read the model; a file that holds other types than those of trees is refused.

        Raises:
            ArtifactError: the file is missing, damaged, or holds other types.
        """
        self.model = read_skops(folder / FILE)

    def _predicted(self, features: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(self.model.predict(self._numbers(features)), dtype=np.float32)

    def _numbers(self, features: NDArray[Any]) -> NDArray[Any]:
        return as_floats(features, self.spec, self.dtype)
