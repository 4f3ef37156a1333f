"""Ridge regression on a Gaussian kernel's approximated features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from zoo.catalogue import ModelSpec, Params
from zoo.estimator import Fit, not_fitted
from zoo.limits import limited
from zoo.linear.base import read_arrays, write_arrays
from zoo.linear.moments import Moments, learned_rows
from zoo.linear.ridge import ridge_weights
from zoo.scale import Scale, draw_scaled, typical_distance

FILE = "nystroem_ridge.npz"
BATCH = 4_096
"""Rows whose kernel is held at a time."""


class NystroemRidgeParams(Params):
    """Williams and Seeger (2001), by scikit-learn's `Nystroem`.

    Args:
        n_components: rows, drawn evenly over eras, to which others are compared.
        length_scale: the kernel's width, times the root mean squared distance of two rows.
        alpha: L2 penalty of the ridge regression on the components.
    """

    n_components: int = Field(300, ge=1, le=20_000)
    length_scale: float = Field(1.0, gt=0)
    alpha: float = Field(10.0, gt=0)


class NystroemRidge:
    """Kernel ridge regression by a map made of a few rows; all others are streamed.

    Float features are standardised on those rows. Memory: the rows, nine matrices (components,
    components) of float64, one era and its kernel.
    """

    def __init__(self, params: NystroemRidgeParams, spec: FeatureSpec) -> None:
        self.params, self.spec = params, spec
        self.scale: Scale | None = None
        self.centres: NDArray[np.float64] = np.empty((0, 0))
        self.weights: NDArray[np.float64] = np.empty(0)
        self.gamma, self.intercept = 0.0, 0.0

    def fit(self, data: ShardSet, fit: Fit) -> None:
        """Make the map, and solve the normal equations of the mapped eras.

        Raises:
            TrainingError: no row has a resolved target.
        """
        from sklearn.kernel_approximation import Nystroem

        drawn, scale = draw_scaled(
            "nystroem_ridge", data, fit, self.params.n_components, np.float64
        )
        width = self.params.length_scale * typical_distance(drawn.features)
        with limited("nystroem_ridge", fit.threads):
            model = Nystroem(
                gamma=0.5 / width**2, n_components=len(drawn.target), random_state=fit.seed
            ).fit(drawn.features)
            moments = Moments(len(drawn.target))
            for features, target, weights in learned_rows(data, fit):
                moments.add(model.transform(scale(features)).astype(np.float64), target, weights)
            solved = ridge_weights(moments, self.params.alpha)
        self.scale, self.centres, self.gamma = scale, model.components_, model.gamma
        self.weights = model.normalization_.T @ solved
        self.intercept = moments.target_mean - float(moments.means @ solved)

    def predict(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (rows,)."""
        from sklearn.metrics.pairwise import rbf_kernel

        if self.scale is None:
            raise not_fitted()
        out = np.empty(len(features), dtype=np.float32)
        for low in range(0, len(features), BATCH):
            part = slice(low, low + BATCH)
            kernel = rbf_kernel(self.scale(features[part]), self.centres, self.gamma)
            out[part] = kernel.astype(np.float64) @ self.weights + self.intercept
        return out

    def save(self, folder: Path) -> None:
        """Write the drawn rows, their weights and the scale as a plain npz file (no pickle)."""
        if self.scale is None:
            raise not_fitted()
        arrays = {"shift": self.scale.shift, "divisor": self.scale.divisor, "gamma": self.gamma}
        arrays |= {"weights": self.weights, "intercept": self.intercept}
        write_arrays(folder / FILE, {**arrays, "centres": self.centres})

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            ArtifactError: the file is missing or damaged.
        """
        names = ("shift", "divisor", "gamma", "weights", "intercept", "centres")
        stored = read_arrays(folder / FILE, *names)
        self.scale = Scale(self.spec, stored["shift"], stored["divisor"])
        self.centres, self.weights = stored["centres"], stored["weights"]
        self.gamma, self.intercept = float(stored["gamma"]), float(stored["intercept"])


def build(params: NystroemRidgeParams, spec: FeatureSpec) -> NystroemRidge:
    """The unfitted model."""
    return NystroemRidge(params, spec)


SPEC = ModelSpec(
    name="nystroem_ridge",
    family="linear",
    summary="Ridge regression on a Gaussian kernel's approximation (scikit-learn Nystroem)",
    params=NystroemRidgeParams,
    presets={
        "classic": {"n_components": 2_000},
        "demo": {"n_components": 500},
        "small": {"n_components": 100},
    },
    build=build,
)
