"""Weights from each member's own score, whatever the others say."""

from __future__ import annotations

import numpy as np

from ensemble.evidence import Evidence
from ensemble.weights.simplex import Weights, normalised
from scoring import series


class ScoreProportional:
    """Weights in proportion to mean CORR; members without a positive one get none."""

    def fit(self, evidence: Evidence) -> Weights:
        """(M,) weights; equal ones where no member has a positive mean."""
        return normalised(series.mean(evidence.moments.scores))


class InverseError:
    """Weights in inverse proportion to the mean squared error.

    Ranks and target are standardised within each era, so that the error is 2 - 2 corr: of a target
    that is mostly noise the weights are nearly equal.
    """

    def fit(self, evidence: Evidence) -> Weights:
        """(M,) weights; a member without a score in any era gets none."""
        moments = evidence.moments
        deviation = np.sqrt(np.diagonal(moments.gram, axis1=1, axis2=2).astype(np.float64))
        correlation = np.divide(
            moments.signal, deviation, out=np.full_like(moments.signal, np.nan), where=deviation > 0
        )
        error = series.mean(2 - 2 * correlation)
        # A member that is right in every row has no error to divide by.
        return normalised(1 / np.maximum(error, np.finfo(np.float64).eps))
