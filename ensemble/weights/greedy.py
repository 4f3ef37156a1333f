"""Greedy selection with replacement, screened by moments and decided by exact scores.

Source: Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble selection from libraries of models,
ICML 2004.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ensemble.evidence import Evidence, Objective, check_objective, objective_value
from ensemble.moments import EraMoments
from ensemble.weights.simplex import Weights, normalised

BATCH = 16
"""Candidates of a round that are scored exactly at a time; of so few members, all are."""
MARGIN = 0.25
"""How much further than any that was scored the moments may err, in shares of their spread."""


@dataclass(frozen=True)
class Greedy:
    """Picks, one after the other, the member that raises the score of the blend most.

    In each round the moments order the members, and the 16 in front are blended and scored
    exactly. More follow as long as one could still win if the moments erred on it as much as on
    any that was scored, and a quarter of the spread of their errors more. Up to 16 members this is
    the plain selection that scores every candidate.

    Args:
        objective: what is raised.
        rounds: picks; the blend of the best round is kept, the shortest of equals.
        bags: repetitions on random halves of the members, whose weights are averaged (0: one
            selection among all).
    """

    objective: Objective = "corr"
    rounds: int = 50
    bags: int = 0

    def fit(self, evidence: Evidence) -> Weights:
        """(M,) the share of each member in the picks; equal weights where no blend has a score.

        Raises:
            ConfigError: MMC without a meta model.
        """
        check_objective(self.objective, evidence.pool)
        members = evidence.pool.size
        if not self.bags:
            return self._select(evidence, np.arange(members))
        rng = np.random.default_rng(evidence.seed)
        halves = [
            np.sort(rng.choice(members, -(-members // 2), replace=False)) for _ in range(self.bags)
        ]
        found = np.stack([self._select(evidence, half) for half in halves])
        return np.asarray(found.mean(axis=0))

    def _select(self, evidence: Evidence, allowed: NDArray[np.int64]) -> Weights:
        bag = _Bag(evidence.moments, self.objective)
        total = np.zeros(evidence.pool.slices.rows, dtype=np.float64)
        picks: list[int] = []
        values: list[float] = []
        for _ in range(self.rounds):
            screened = bag.with_one_more()
            order = allowed[np.argsort(-screened[allowed], kind="stable")]
            pick, value = self._decide(evidence, total, len(picks), order, screened)
            total += evidence.pool.ranks[pick]
            bag.add(pick)
            picks.append(pick)
            values.append(value)
        if not np.isfinite(values).any():
            return normalised(np.isin(np.arange(evidence.pool.size), allowed))
        kept = int(np.argmax(values)) + 1
        counts = np.bincount(picks[:kept], minlength=evidence.pool.size)
        return np.asarray(counts / kept, dtype=np.float64)

    def _decide(
        self,
        evidence: Evidence,
        total: NDArray[np.float64],
        picked: int,
        order: NDArray[np.int64],
        screened: NDArray[np.float64],
    ) -> tuple[int, float]:
        """The member that gives the best blend, the first one of equals, and its exact score."""
        exact: dict[int, float] = {}
        error = 0.0
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            if exact and screened[batch[0]] + error < max(exact.values()):
                break
            blends = np.stack([total + evidence.pool.ranks[j] for j in batch]) / (picked + 1)
            scores = evidence.exact(blends.astype(np.float32), self.objective)
            found = np.nan_to_num(objective_value(scores, self.objective), nan=-np.inf)
            exact.update(zip(batch.tolist(), found.tolist(), strict=True))
            errors = [exact[j] - float(screened[j]) for j in exact]
            error = max(errors) + MARGIN * (max(errors) - min(errors))
        best = max(exact.values())
        return min(j for j, value in exact.items() if value == best), best


class _Bag:
    """The moments of a bag of members, and of the bag with each member added once more."""

    def __init__(self, moments: EraMoments, objective: Objective) -> None:
        products = moments.contribution if objective == "mmc" else moments.signal
        self._known = ~np.isnan(products).all(axis=1)
        self._products = products[self._known]
        self._gram = moments.gram if self._known.all() else moments.gram[self._known]
        self._own = np.diagonal(self._gram, axis1=1, axis2=2).astype(np.float64)
        self._objective = objective
        eras, members = self._products.shape
        self._along = np.zeros((eras, members))
        self._gain, self._variance = np.zeros((2, eras, 1))

    def with_one_more(self) -> NDArray[np.float64]:
        """(M,) the linear score of the bag with each member added; minus infinity if undefined."""
        variance = self._variance + 2 * self._along + self._own
        scores = np.full_like(variance, np.nan)
        root = np.sqrt(np.maximum(variance, 0.0))
        np.divide(self._gain + self._products, root, out=scores, where=root > 0)
        return np.nan_to_num(objective_value(scores, self._objective), nan=-np.inf)

    def add(self, member: int) -> None:
        """Put a member into the bag once more."""
        self._gain += self._products[:, [member]]
        self._variance += 2 * self._along[:, [member]] + self._own[:, [member]]
        self._along += self._gram[:, :, member]
