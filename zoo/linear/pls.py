"""Partial least squares from streamed products."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from typing_extensions import override

from erazoo.errors import ConfigError
from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec, Params
from zoo.estimator import Fit
from zoo.linear.base import Streamed
from zoo.linear.moments import Floats, Moments


class PLSParams(Params):
    """Wold, Sjöström and Eriksson (2001).

    Args:
        n_components: directions that the features are projected on, each along the covariance with
            what is left of the target.
        scale: whether features are divided by their standard deviation first.
    """

    n_components: int = Field(2, ge=1)
    scale: bool = True


class PLS(Streamed[PLSParams]):
    """Partial least squares of one target, one pass over the eras.

    Memory: six (F, F) float64 matrices and one era.
    """

    name = "pls"

    @override
    def solve(self, moments: Moments, fit: Fit) -> Floats:
        from sklearn.cross_decomposition import PLSRegression

        width = len(self.spec.names)
        if self.params.n_components > width:
            raise ConfigError(
                "pls has more components than there are features",
                received=self.params.n_components,
                expected=f"at most {width}",
            )
        rows = moments.condensed()
        # With their mirror images the rows have the mean 0, which the library takes off.
        features = np.concatenate([rows.features, -rows.features])
        target = np.concatenate([rows.target, -rows.target])
        model = PLSRegression(self.params.n_components, scale=self.params.scale, copy=False)
        weights: Floats = model.fit(features, target).coef_.ravel()
        return weights


def build(params: PLSParams, spec: FeatureSpec) -> PLS:
    """The unfitted model."""
    return PLS(params, spec)


SPEC = ModelSpec(
    name="pls",
    family="linear",
    summary="Partial least squares (scikit-learn), from streamed products",
    params=PLSParams,
    presets={"classic": {"n_components": 4}, "demo": {}, "small": {}},
    build=build,
)
