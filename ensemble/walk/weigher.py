"""Weights of a walk: learned again every few eras, from what is resolved by then."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ensemble.combination import Combination, FixedWeights
from ensemble.evidence import Evidence
from ensemble.meta.combination import EraWeights
from ensemble.methods import Learn
from ensemble.nested import LEAST
from ensemble.walk.known import Known
from ensemble.walk.plan import WalkPlan


class Weigher:
    """Blends the walked models.

    Weights are equal until three eras are resolved.

    Args:
        learn: the method.
        every: eras after which it learns again.
        plan: of the walk.
        look: is told each era while its features are in memory.
    """

    def __init__(
        self,
        learn: Learn,
        every: int,
        plan: WalkPlan,
        look: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._learn, self._every, self._plan, self._look = learn, every, plan, look
        self._held: tuple[int, Combination] | None = None

    def chosen(self, place: int) -> int:
        """The place at which the weights of an era were learned."""
        return place - place % self._every

    def blend(self, place: int, known: Known) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Weights (M,) of the era at a place, NaN where the method has none, and its blend (r,)."""
        self._look(self._plan.eras[place])
        found, evidence = self._combination(place, known), known.evidence(place + 1)
        weights = _weights(found, evidence)
        if weights is None:
            return np.full(known.pool.size, np.nan), found.blend(evidence, place, place + 1)
        return weights, evidence.pool.stretch(place, place + 1).blend(weights)

    def _combination(self, place: int, known: Known) -> Combination:
        chosen = self.chosen(place)
        if self._held is None or self._held[0] != chosen:
            resolved, size = self._plan.scored[chosen], known.pool.size
            if resolved < LEAST:
                found: Combination = FixedWeights(np.full(size, 1 / size))
            else:
                found = self._learn(known.evidence(resolved))
            self._held = chosen, found
        return self._held[1]


def _weights(found: Combination, evidence: Evidence) -> NDArray[np.float64] | None:
    if isinstance(found, EraWeights):
        return np.asarray(found.era_weights(found.statistics(evidence))[-1])
    return found.weights
