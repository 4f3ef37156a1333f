"""Ridge regression from streamed normal equations."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from typing_extensions import override

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec, Params
from zoo.estimator import Fit
from zoo.linear.base import Streamed
from zoo.linear.moments import Floats, Moments


class RidgeParams(Params):
    """Hoerl and Kennard (1970).

    Args:
        alpha: L2 penalty on the sum of squares, as scikit-learn's `Ridge` counts it.
    """

    alpha: float = Field(10_000.0, gt=0)


class Ridge(Streamed[RidgeParams]):
    """Least squares with an L2 penalty and an intercept, one pass over the eras.

    Memory: five (F, F) float64 matrices and one era.
    """

    name = "ridge"

    @override
    def solve(self, moments: Moments, fit: Fit) -> Floats:
        return ridge_weights(moments, self.params.alpha)


def ridge_weights(moments: Moments, alpha: float) -> Floats:
    """Weights (F,) of least squares with the penalty `alpha` on their squares."""
    from scipy.linalg import solve

    gram, cross = moments.centred()
    gram[np.diag_indices_from(gram)] += alpha
    return np.asarray(solve(gram, cross, assume_a="pos"), dtype=np.float64)


def build(params: RidgeParams, spec: FeatureSpec) -> Ridge:
    """The unfitted model."""
    return Ridge(params, spec)


SPEC = ModelSpec(
    name="ridge",
    family="linear",
    summary="Ridge regression on centred quintiles, from streamed normal equations",
    params=RidgeParams,
    presets={"demo": {"alpha": 20_000.0}, "small": {"alpha": 2_000.0}},
    build=build,
)
