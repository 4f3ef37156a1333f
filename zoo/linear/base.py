"""What linear models share: numbers, predictions and a plain file of weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ArtifactError
from erazoo.panel import FeatureSpec
from erazoo.publish import atomic_file
from etl.shards import ShardSet
from zoo.catalogue import Params
from zoo.estimator import Fit, not_fitted
from zoo.limits import limited
from zoo.linear.moments import Floats, Moments, learned_rows

P = TypeVar("P", bound=Params)


class Linear(ABC, Generic[P]):
    """A weight for each feature and an intercept.

    Quintiles are centred on their middle, missing ones included; float features are float64.
    """

    name: ClassVar[str]

    def __init__(self, params: P, spec: FeatureSpec) -> None:
        self.params, self.spec = params, spec
        self.weights: Floats | None = None
        self.shift: Floats = np.zeros(len(spec.names))
        self.intercept = 0.0

    @abstractmethod
    def fit(self, data: ShardSet, fit: Fit) -> None:
        """Learn from the rows of `fit.eras` whose target is resolved, each by its weight.

        Raises:
            TrainingError: no row has a resolved target.
        """

    def predict(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (rows,)."""
        if self.weights is None:
            raise not_fitted()
        linear = self._numbers(features).astype(np.float64) @ self.weights
        return np.asarray(linear + self.intercept, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write the weights as a plain npz file (no pickle)."""
        if self.weights is None:
            raise not_fitted()
        write_arrays(
            folder / f"{self.name}.npz",
            {"weights": self.weights, "shift": self.shift, "intercept": self.intercept},
        )

    def load(self, folder: Path) -> None:
        """Read the weights.

        Raises:
            ArtifactError: the file is missing or damaged.
        """
        stored = read_arrays(folder / f"{self.name}.npz", "weights", "shift", "intercept")
        self.weights, self.shift = stored["weights"], stored["shift"]
        self.intercept = float(stored["intercept"])

    def _numbers(self, features: NDArray[Any]) -> NDArray[Any]:
        if self.spec.dtype == np.int8:
            return self.spec.centred(features)
        return features.astype(np.float64) - self.shift


class Streamed(Linear[P]):
    """A linear model of squared errors, one pass over the eras.

    The products of an era of quintiles are exact in float32 and are summed in float64. Float
    features are shifted by the means of the first era. Memory grows with features, not with rows.
    """

    def fit(self, data: ShardSet, fit: Fit) -> None:
        """Sum up the products era by era and solve for the weights.

        Raises:
            TrainingError: no row has a resolved target.
        """
        with limited(self.name, fit.threads):
            moments = Moments(len(self.spec.names))
            for features, target, weights in learned_rows(data, fit):
                if not moments.count and self.spec.dtype != np.int8:
                    self.shift = features.mean(axis=0, dtype=np.float64)
                moments.add(self._numbers(features), target, weights)
            self.weights = np.asarray(self.solve(moments, fit), dtype=np.float64)
        self.intercept = moments.target_mean - float(moments.means @ self.weights)

    @abstractmethod
    def solve(self, moments: Moments, fit: Fit) -> Floats:
        """The weights (F,) of the summed rows."""


def write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Write arrays by name as an npz file."""
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)


def read_arrays(path: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Read what `write_arrays` wrote.

    Raises:
        ArtifactError: the file or an array of it is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ArtifactError(
            "a saved model cannot be read",
            received=f"{path} ({error})",
            hint="Train the model again",
        ) from error
