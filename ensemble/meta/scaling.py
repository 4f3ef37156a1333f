"""Statistics as a network reads them: standardised and, if wanted, along principal components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIMIT = 4.0
"""Standard deviations at which a statistic is cut, so that no era lies far outside of what was
learned from."""
Table = NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """A linear map that was fitted on training eras alone.

    Args:
        mean: (S,) of each statistic.
        spread: (S,) its standard deviation; 0 leaves the statistic out.
        directions: (S, C) principal components over their common scale, or what keeps each
            statistic as it is.
    """

    mean: Table
    spread: Table
    directions: Table

    @classmethod
    def fit(cls, values: Table, components: int) -> Scaling:
        """Learn it from training eras (E, S); 0 components keep all statistics as they are.

        Where the eras allow fewer components, the others are 0.
        """
        mean, spread = values.mean(axis=0), values.std(axis=0)
        spread = np.where(spread > 1e-9 * np.maximum(1.0, np.abs(mean)), spread, 0.0)
        whole = cls(mean, spread, np.eye(values.shape[1]))
        if not components:
            return whole
        from sklearn.decomposition import PCA

        scaled = whole.apply(values)
        count = min(components, *scaled.shape)
        found = PCA(count, svd_solver="full").fit(scaled)
        directions = np.zeros((values.shape[1], components))
        scale = np.sqrt(max(found.explained_variance_.mean(), 1e-12))
        directions[:, :count] = found.components_.T / scale
        return cls(mean, spread, directions)

    def standardised(self, values: NDArray[Any]) -> Table:
        """(E, S) in standard deviations from the mean, cut at `LIMIT`."""
        result = np.zeros(np.shape(values))
        np.divide(values - self.mean, self.spread, out=result, where=self.spread > 0)
        return np.clip(result, -LIMIT, LIMIT)

    def apply(self, values: NDArray[Any]) -> Table:
        """(E, C) what the network reads, from statistics (E, S)."""
        return np.asarray(self.standardised(values) @ self.directions)

    def to_json(self) -> dict[str, Any]:
        """Plain values, every bit of them."""
        return {name: getattr(self, name).tolist() for name in ("mean", "spread", "directions")}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Scaling:
        """The inverse of `to_json`."""
        return cls(*(np.array(value[name]) for name in ("mean", "spread", "directions")))
