"""A stand-in for the meta model, which is not known while rows are live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ensemble.unique.view import EraView, Floats, gaussian, one_era
from scoring.ranks import era_gaussian

_QUINTILE_STD = np.sqrt(2.0)


@dataclass(frozen=True)
class Inputs:
    """What a stand-in reads, in the order of its weights: all known at live time.

    Args:
        features: by name.
        benchmarks: columns.
        members: of the ensemble.
    """

    features: tuple[str, ...] = ()
    benchmarks: tuple[str, ...] = ()
    members: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.features) + len(self.benchmarks) + len(self.members)

    def of(self, view: EraView) -> NDArray[np.float32]:
        """The inputs of an era, (n, K), each about 0 with a variance near 1.

        Quintiles are centred; other features, benchmarks and members are normal quantiles of
        their ranks within the era. A missing feature stands at the centre.

        Raises:
            DataError: the era lacks a benchmark or a member.
            SchemaError: the panel lacks a feature.
        """
        parts: list[NDArray[Any]] = []
        if self.features:
            columns = view.features[:, view.spec.columns(self.features)]
            parts.append(_numbers(columns, view))
        beside = [view.benchmark(name) for name in self.benchmarks]
        beside += [view.member(name) for name in self.members]
        if beside:
            parts.append(np.stack(beside, axis=1).astype(np.float32))
        return np.hstack(parts)


@dataclass(frozen=True)
class StandIn:
    """A linear model of the meta model's ranks.

    Args:
        inputs: what it reads.
        weights: (K,) one an input.
    """

    inputs: Inputs
    weights: tuple[float, ...]

    def predict(self, view: EraView) -> Floats:
        """Its ranks in an era as normal quantiles, (n,)."""
        return gaussian(self.inputs.of(view).astype(np.float64) @ np.array(self.weights))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a recipe."""
        inputs = self.inputs
        return {
            "features": list(inputs.features),
            "benchmarks": list(inputs.benchmarks),
            "members": list(inputs.members),
            "weights": list(self.weights),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        names = (tuple(value[kind]) for kind in ("features", "benchmarks", "members"))
        return cls(Inputs(*names), tuple(float(weight) for weight in value["weights"]))


def _numbers(columns: NDArray[Any], view: EraView) -> NDArray[np.float32]:
    if view.spec.dtype == np.int8:
        return np.asarray(view.spec.centred(columns) / np.float32(_QUINTILE_STD))
    return np.nan_to_num(era_gaussian(columns, one_era(len(columns)))).astype(np.float32)
