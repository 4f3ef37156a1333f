"""Averages: of all members, and of the best one of each family."""

from __future__ import annotations

import numpy as np

from ensemble.evidence import Evidence
from ensemble.weights.simplex import Weights, equal_weights, normalised
from scoring import series


class Equal:
    """The plain rank average, which every other way must beat."""

    def fit(self, evidence: Evidence) -> Weights:
        """(M,) each 1 / M; nothing is learned."""
        return equal_weights(evidence.pool.size)


class BestOfCategory:
    """Of each family the member of the highest mean CORR, all alike; the first one of equals."""

    def fit(self, evidence: Evidence) -> Weights:
        """(M,) weights, 0 but for one member of each family; equal ones where none has a score."""
        means = np.nan_to_num(series.mean(evidence.moments.scores), nan=-np.inf)
        if not np.isfinite(means).any():
            return equal_weights(evidence.pool.size)
        families = np.array(evidence.pool.families)
        chosen = np.zeros(evidence.pool.size)
        for family in dict.fromkeys(evidence.pool.families):
            places = np.flatnonzero(families == family)
            chosen[places[means[places].argmax()]] = 1.0
        return normalised(chosen)
