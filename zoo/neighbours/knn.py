"""The mean target of the nearest rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from erazoo.errors import ConfigError
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from zoo.catalogue import ModelSpec, Params
from zoo.drawn import refuse_weights
from zoo.estimator import Fit, not_fitted
from zoo.limits import limited
from zoo.linear.base import read_arrays, write_arrays
from zoo.scale import Scale, draw_scaled

FILE = "knn.npz"
MOST_ROWS = 200_000


class KNNParams(Params):
    """Fix and Hodges (1951), by scikit-learn's `KNeighborsRegressor`.

    Args:
        n_neighbors: rows whose targets are averaged.
        weights: whether all of them count alike or by their inverse distance.
        rows: kept at most, drawn evenly over eras; every prediction is compared to all of them.
    """

    n_neighbors: int = Field(500, ge=1)
    weights: Literal["uniform", "distance"] = "uniform"
    rows: int = Field(20_000, ge=1, le=MOST_ROWS)


class KNN:
    """The mean target of the nearest of some kept rows, by Euclidean distance.

    A curiosity: among hundreds of weak features all rows are about equally far. Float features are
    standardised. Memory: 4 bytes a value of the kept rows, at most 200,000; weights of rows are
    refused.
    """

    def __init__(self, params: KNNParams, spec: FeatureSpec) -> None:
        self.params, self.spec = params, spec
        self.scale: Scale | None = None
        self.model: Any = None

    def fit(self, data: ShardSet, fit: Fit) -> None:
        """Keep the drawn rows.

        Raises:
            TrainingError: no row has a resolved target.
            ConfigError: rows of unequal weight, or fewer rows than neighbours.
        """
        with limited("knn", fit.threads):
            drawn, scale = draw_scaled("knn", data, fit, self.params.rows)
        refuse_weights("knn", drawn.weights)
        if len(drawn.target) < self.params.n_neighbors:
            raise ConfigError(
                "knn averages more rows than it keeps",
                received=f"{self.params.n_neighbors} of {len(drawn.target)}",
                expected="a lower n_neighbors",
            )
        self.scale = scale
        self._keep(drawn.features, drawn.target)

    def predict(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (rows,)."""
        if self.scale is None:
            raise not_fitted()
        numbers = self.scale(features).astype(np.float32)
        return np.asarray(self.model.predict(numbers), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write the kept rows and the scale as a plain npz file (no pickle)."""
        if self.scale is None:
            raise not_fitted()
        arrays = {"shift": self.scale.shift, "divisor": self.scale.divisor}
        arrays |= {"features": self.features, "target": self.target}
        write_arrays(folder / FILE, arrays)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            ArtifactError: the file is missing or damaged.
        """
        stored = read_arrays(folder / FILE, "shift", "divisor", "features", "target")
        self.scale = Scale(self.spec, stored["shift"], stored["divisor"])
        self._keep(stored["features"], stored["target"])

    def _keep(self, features: NDArray[Any], target: NDArray[np.float64]) -> None:
        from sklearn.neighbors import KNeighborsRegressor

        self.features, self.target = features, target
        model = KNeighborsRegressor(
            self.params.n_neighbors, weights=self.params.weights, algorithm="brute"
        )
        self.model = model.fit(features, target)


def build(params: KNNParams, spec: FeatureSpec) -> KNN:
    """The unfitted model."""
    return KNN(params, spec)


SPEC = ModelSpec(
    name="knn",
    family="neighbours",
    summary="The mean target of the nearest rows (scikit-learn), on at most 200,000 drawn rows",
    params=KNNParams,
    presets={
        "classic": {"n_neighbors": 1_000, "rows": 50_000},
        "demo": {"n_neighbors": 300, "rows": 10_000},
        "small": {"n_neighbors": 100, "rows": 5_000},
    },
    takes_weights=False,
    build=build,
)
