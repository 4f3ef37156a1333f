"""Weights that raise mean CORR, Sharpe or mean MMC directly, by projected gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ensemble.evidence import Evidence, Objective, check_objective, objective_value
from ensemble.moments import EraMoments
from ensemble.weights.simplex import Weights, equal_weights, project

STEPS, DRAWN, BEST = 500, 4, 3
"""Steps of an ascent at most; starts that are drawn, and those at single best members."""
_RISE = 1e-4
"""Share of the rise that the gradient promises which a step must keep (Armijo)."""


@dataclass(frozen=True)
class Maximise:
    """The highest linear score that ascents from several starts reach.

    The score is that of `EraMoments`: a ratio that need not be concave in the weights, hence the
    starts. They are equal weights, the best single members, and draws from the whole simplex.

    Args:
        objective: what is raised.
    """

    objective: Objective = "corr"

    def fit(self, evidence: Evidence) -> Weights:
        """(M,) weights.

        Raises:
            ConfigError: MMC without a meta model.
        """
        check_objective(self.objective, evidence.pool)
        goal = LinearGoal.of(evidence.moments, self.objective)
        ends = [ascend(goal, start) for start in self._starts(evidence, goal)]
        return max(ends, key=goal.value)

    def _starts(self, evidence: Evidence, goal: LinearGoal) -> list[Weights]:
        members = evidence.pool.size
        single = np.array([goal.value(vertex) for vertex in np.eye(members)])
        best = np.argsort(-np.nan_to_num(single, nan=-np.inf), kind="stable")[:BEST]
        drawn = np.random.default_rng(evidence.seed).dirichlet(np.ones(members), DRAWN)
        return [equal_weights(members), *np.eye(members)[best], *drawn]


@dataclass(frozen=True)
class LinearGoal:
    """A linear score of weights, with its gradient.

    Args:
        products: (E, M) signal or contribution, of eras that have it.
        gram: (E, M, M) covariances of the ranks in these eras.
        objective: what is made of the per-era scores.
    """

    products: NDArray[np.float64]
    gram: NDArray[np.float32]
    objective: Objective

    @classmethod
    def of(cls, moments: EraMoments, objective: Objective) -> LinearGoal:
        """The goal over all eras of some moments that have a score."""
        products = moments.contribution if objective == "mmc" else moments.signal
        known = ~np.isnan(products).any(axis=1)
        gram = moments.gram if known.all() else moments.gram[known]
        return cls(products[known], gram, objective)

    def value(self, weights: Weights) -> float:
        """The score; minus infinity where it is undefined."""
        scores, _, _ = self._scores(weights)
        found = float(objective_value(scores, self.objective)[0])
        return found if np.isfinite(found) else -np.inf

    def gradient(self, weights: Weights) -> NDArray[np.float64]:
        """(M,) the derivative of the score by the weights."""
        scores, along, deviation = self._scores(weights)
        each = self.products / deviation[:, None]
        each -= (scores / deviation**2)[:, None] * along
        if self.objective != "sharpe":
            return np.asarray(each.mean(axis=0))
        mean, std = scores.mean(), scores.std()
        shares = (1 - (scores - mean) * mean / std**2) / (std * len(scores))
        return np.asarray(shares @ each)

    def _scores(
        self, weights: Weights
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Scores (E,), G w (E, M) and the blend's standard deviation (E,)."""
        along = np.matmul(self.gram, weights.astype(np.float32)).astype(np.float64)
        deviation = np.sqrt(np.maximum(along @ weights, np.finfo(np.float32).tiny))
        return self.products @ weights / deviation, along, deviation


def ascend(goal: LinearGoal, start: Weights) -> Weights:
    """Follow the gradient over the simplex until no step rises.

    Steps shrink by halves until they keep what the gradient promises, and grow again. Where the
    goal is undefined at the start, that is the end too.
    """
    weights, value, step = start, goal.value(start), 1.0
    for _ in range(STEPS if np.isfinite(value) else 0):
        gradient = goal.gradient(weights)
        length = float(np.abs(gradient).max())
        if not length > 0:
            break
        while step > 1e-9:
            there = project(weights + step * gradient / length)
            found = goal.value(there)
            if found >= value + _RISE * float(gradient @ (there - weights)) and found > value:
                break
            step /= 2
        else:
            break
        weights, value, step = there, found, min(4 * step, 1e3)
    return weights
