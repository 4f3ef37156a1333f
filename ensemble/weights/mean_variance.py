"""Mean-variance weights on per-era scores."""

from __future__ import annotations

import numpy as np

from ensemble.evidence import Evidence
from ensemble.weights.simplex import Weights, best_direction, equal_weights


class MeanVariance:
    """The weights of the highest Sharpe, where scores of members simply add up.

    The covariance of per-era CORR is shrunk towards a multiple of the identity. Source: Ledoit and
    Wolf, A well-conditioned estimator for large-dimensional covariance matrices, Journal of
    Multivariate Analysis 88, 2004, by scikit-learn.
    """

    def fit(self, evidence: Evidence) -> Weights:
        """(M,) weights; equal ones where no member has a positive mean, or of fewer than two eras.

        A member that is constant in an era, and so has no score there, counts as 0 in it.
        """
        from sklearn.covariance import LedoitWolf

        scores = evidence.moments.scores
        known = scores[~np.isnan(scores).all(axis=1)]
        if len(known) < 2:
            return equal_weights(evidence.pool.size)
        filled = np.nan_to_num(known)
        return best_direction(filled.mean(axis=0), LedoitWolf().fit(filled).covariance_)
