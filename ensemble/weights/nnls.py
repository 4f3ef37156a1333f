"""Non-negative least squares of the target on the members' ranks."""

from __future__ import annotations

from ensemble.evidence import Evidence
from ensemble.weights.simplex import Weights, best_direction


class NonNegativeLeastSquares:
    """The weights whose blend is nearest to the standardised target, each era counting alike.

    The normal equations are the mean moments, so that no row is read.
    """

    def fit(self, evidence: Evidence) -> Weights:
        """(M,) weights; equal ones where no member has a positive signal."""
        return best_direction(*evidence.moments.mean())
