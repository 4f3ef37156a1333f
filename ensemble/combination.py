"""What was learned: how the members' ranks become one column, for past and for live eras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ensemble.evidence import Evidence
from ensemble.pool import weighted_ranks
from erazoo.panel import EraBlock

Column = NDArray[np.float32]


class Combination(Protocol):
    """How members' ranks become one column, as it was learned from some eras.

    A recipe holds one: `kind` says which class reads what `write` wrote (`ensemble/recipe.py`).
    """

    @property
    def kind(self) -> str:
        """Of the recipe: `weights`, `stacking` or `meta`."""

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """(M,) weights of the members for all eras; None where there are no such weights."""

    def blend(self, evidence: Evidence, first: int, last: int) -> Column:
        """The rows of the eras at places `first` to `last - 1`.

        Targets of these eras are not looked at, and of earlier ones those that were resolved.
        """

    def live(self, ranks: NDArray[Any], block: EraBlock) -> Column:
        """The rows of a live era, (r,), from the members' ranks there (M, r)."""

    def write(self, folder: Path) -> dict[str, Any]:
        """Write what does not fit into the recipe; the entries that the recipe gets."""


@dataclass(frozen=True)
class FixedWeights:
    """The same weights in every era.

    Args:
        values: (M,) on the simplex.
    """

    values: NDArray[np.float64]
    kind: str = "weights"

    @property
    def weights(self) -> NDArray[np.float64]:
        """(M,) as they are."""
        return self.values

    def blend(self, evidence: Evidence, first: int, last: int) -> Column:
        """See `Combination`."""
        return evidence.pool.stretch(first, last).blend(self.values)

    def live(self, ranks: NDArray[Any], block: EraBlock) -> Column:  # noqa: ARG002
        """See `Combination`."""
        return weighted_ranks(self.values, ranks)

    def write(self, folder: Path) -> dict[str, Any]:  # noqa: ARG002
        """Nothing: weights stand beside the members."""
        return {}

    @classmethod
    def read(cls, recipe: Mapping[str, Any], folder: Path) -> FixedWeights:  # noqa: ARG003
        """What a recipe of the kind `weights` holds."""
        return cls(np.array([float(member["weight"]) for member in recipe["members"]]))
