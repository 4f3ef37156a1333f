"""A Gaussian process on few rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from zoo.catalogue import ModelSpec, Params
from zoo.drawn import Drawn, refuse_weights
from zoo.estimator import Fit, not_fitted
from zoo.limits import limited
from zoo.linear.base import read_arrays, write_arrays
from zoo.scale import Scale, draw_scaled, typical_distance

FILE = "gaussian_process.npz"
BATCH = 4_096
"""Rows whose kernel is held at a time."""
MOST_ROWS = 10_000


class GaussianProcessParams(Params):
    """Rasmussen and Williams (2006), by scikit-learn's `GaussianProcessRegressor`.

    Args:
        length_scale: the Gaussian kernel's width, times the root mean squared distance of two rows;
            where the search for it begins.
        signal: the kernel's variance in parts of the target's; where the search begins.
        noise: the variance of what no kernel explains, likewise.
        optimise: whether the three are searched by the likelihood, or taken as they are.
        rows: learned at most, drawn evenly over eras.
    """

    length_scale: float = Field(3.0, gt=0)
    signal: float = Field(0.1, ge=1e-6, le=1e3)
    noise: float = Field(1.0, ge=0.1, le=10)
    optimise: bool = True
    rows: int = Field(2_000, ge=2, le=MOST_ROWS)


class GaussianProcess:
    """The mean of a Gaussian process with a Gaussian kernel and noise.

    A curiosity: time grows with the cube of the rows. Float features are standardised. Memory:
    about 80 bytes a pair of rows, 8 GB at the limit of 10,000; weights of rows are refused.
    """

    def __init__(self, params: GaussianProcessParams, spec: FeatureSpec) -> None:
        self.params, self.spec = params, spec
        self.scale: Scale | None = None
        self.rows: NDArray[np.float64] = np.empty((0, 0))
        self.weights: NDArray[np.float64] = np.empty(0)
        self.length, self.mean = 1.0, 0.0

    def fit(self, data: ShardSet, fit: Fit) -> None:
        """Find the kernel and the weight of each row.

        Raises:
            TrainingError: no row has a resolved target.
            ConfigError: rows of unequal weight.
        """
        drawn, scale = draw_scaled("gaussian_process", data, fit, self.params.rows, np.float64)
        refuse_weights("gaussian_process", drawn.weights)
        with limited("gaussian_process", fit.threads):
            model = self._solver(drawn, fit.seed).fit(drawn.features, drawn.target)
        kernel = model.kernel_.k1
        self.scale, self.rows, self.mean = scale, drawn.features, float(drawn.target.mean())
        deviation = float(drawn.target.std()) or 1.0
        self.weights = model.alpha_.ravel() * kernel.k1.constant_value * deviation
        self.length = float(kernel.k2.length_scale)

    def predict(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (rows,)."""
        from sklearn.gaussian_process.kernels import RBF

        if self.scale is None:
            raise not_fitted()
        kernel = RBF(self.length)
        out = np.empty(len(features), dtype=np.float32)
        for low in range(0, len(features), BATCH):
            part = slice(low, low + BATCH)
            numbers = self.scale(features[part]).astype(np.float64)
            out[part] = kernel(numbers, self.rows) @ self.weights + self.mean
        return out

    def save(self, folder: Path) -> None:
        """Write the rows, their weights and the kernel as a plain npz file (no pickle)."""
        if self.scale is None:
            raise not_fitted()
        kept = {"shift": self.scale.shift, "divisor": self.scale.divisor, "rows": self.rows}
        more = {"weights": self.weights, "length": self.length, "mean": self.mean}
        write_arrays(folder / FILE, {**kept, **more})

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            ArtifactError: the file is missing or damaged.
        """
        names = ("shift", "divisor", "rows", "weights", "length", "mean")
        stored = read_arrays(folder / FILE, *names)
        self.scale = Scale(self.spec, stored["shift"], stored["divisor"])
        self.rows, self.weights = stored["rows"], stored["weights"]
        self.length, self.mean = float(stored["length"]), float(stored["mean"])

    def _solver(self, drawn: Drawn, seed: int) -> Any:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

        p = self.params
        start = p.length_scale * typical_distance(drawn.features)
        # A kernel narrower than rows are apart is noise by another name.
        rbf = RBF(start, (start / 3, start * 30))
        kernel = ConstantKernel(p.signal, (1e-6, 1e3)) * rbf + WhiteKernel(p.noise, (0.1, 10.0))
        optimiser = "fmin_l_bfgs_b" if p.optimise else None
        return GaussianProcessRegressor(
            kernel, optimizer=optimiser, normalize_y=True, copy_X_train=False, random_state=seed
        )


def build(params: GaussianProcessParams, spec: FeatureSpec) -> GaussianProcess:
    """The unfitted model."""
    return GaussianProcess(params, spec)


SPEC = ModelSpec(
    name="gaussian_process",
    family="neighbours",
    summary="A Gaussian process (scikit-learn), on at most 10,000 drawn rows",
    params=GaussianProcessParams,
    presets={"classic": {"rows": 4_000}, "demo": {"rows": 1_500}, "small": {"rows": 500}},
    takes_weights=False,
    build=build,
)
