"""Regimes: eras whose embeddings are nearest to one prototype, named by what sets them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.meta.scaling import Scaling
from ensemble.meta.statistics import EraStatistics

_OPAQUE = ("direction", "spectrum")
"""Statistics that say little to people; they name a regime only where there is no other."""


@dataclass(frozen=True)
class Regime:
    """One regime in words.

    Args:
        number: of its prototype.
        name: its strongest statistics.
        eras: that belong to it.
        share: of all eras.
        strongest: statistics with their distance from the mean era, in standard deviations.
        weights: mean weight of each member in its eras.
    """

    number: int
    name: str
    eras: int
    share: float
    strongest: tuple[tuple[str, float], ...]
    weights: tuple[float, ...]


def describe(
    assigned: NDArray[np.int64],
    statistics: EraStatistics,
    scaling: Scaling,
    weights: NDArray[np.float64],
    told: int = 2,
) -> tuple[Regime, ...]:
    """The regimes that have eras, the most frequent first.

    Args:
        assigned: (E,) the regime of each era.
        statistics: (E, S) of the same eras.
        scaling: says how far a statistic lies from the mean era.
        weights: (E, M) of the members.
        told: statistics in a name.
    """
    distance = scaling.standardised(statistics.values)
    found = []
    for number in np.unique(assigned):
        own = assigned == number
        strongest = _strongest(statistics.names, distance[own].mean(axis=0), told)
        name = ", ".join(f"{what} {'high' if by > 0 else 'low'}" for what, by in strongest)
        means = weights[own].mean(axis=0)
        found.append(
            Regime(
                int(number),
                name,
                int(own.sum()),
                float(own.mean()),
                strongest,
                tuple(float(w) for w in means),
            )
        )
    return tuple(sorted(found, key=lambda regime: -regime.eras))


def purity(assigned: NDArray[Any], true: NDArray[Any]) -> float:
    """The share of eras whose true regime is the commonest one of their own regime."""
    total = 0
    for number in np.unique(assigned):
        _, counts = np.unique(true[assigned == number], return_counts=True)
        total += int(counts.max())
    return total / len(assigned)


def to_json(
    eras: Sequence[str],
    assigned: NDArray[np.int64],
    regimes: Sequence[Regime],
    true: NDArray[Any] | None,
) -> dict[str, Any]:
    """Plain values; `true` are the planted regimes of generated data."""
    return {
        "eras": list(eras),
        "assigned": assigned.tolist(),
        "regimes": [asdict(regime) for regime in regimes],
        "true": None if true is None else true.tolist(),
        "purity": None if true is None else purity(assigned, true),
    }


def _strongest(
    names: Sequence[str], distance: NDArray[np.float64], told: int
) -> tuple[tuple[str, float], ...]:
    plain = [j for j, name in enumerate(names) if not name.startswith(_OPAQUE) and distance[j]]
    places = plain or list(range(len(names)))
    places = sorted(places, key=lambda j: -abs(distance[j]))[:told]
    return tuple((names[j], float(distance[j])) for j in places)
