"""The registry of weightings: what each is called and what it does, as the zoo's catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ensemble.evidence import Evidence
from ensemble.weights.average import BestOfCategory, Equal
from ensemble.weights.greedy import Greedy
from ensemble.weights.maximise import Maximise
from ensemble.weights.mean_variance import MeanVariance
from ensemble.weights.nnls import NonNegativeLeastSquares
from ensemble.weights.proportional import InverseError, ScoreProportional
from ensemble.weights.simplex import Weights
from erazoo.config.schema import EnsembleSection


class Weighting(Protocol):
    """Learns weights from the eras that it is given, and from nothing else."""

    def fit(self, evidence: Evidence) -> Weights:
        """(M,) weights on the simplex."""


@dataclass(frozen=True)
class WeightingSpec:
    """An entry of the registry.

    Args:
        name: in `ensemble.method`.
        summary: one line for people.
        build: makes it with the options of the configuration.
    """

    name: str
    summary: str
    build: Callable[[EnsembleSection], Weighting]


WEIGHTINGS = {
    spec.name: spec
    for spec in (
        WeightingSpec("equal", "equal weights: the rank average", lambda _: Equal()),
        WeightingSpec(
            "best_of_category",
            "the best member of each family, equal weights among them",
            lambda _: BestOfCategory(),
        ),
        WeightingSpec(
            "greedy",
            "picks with replacement that raise the blend's score most (Caruana)",
            lambda section: Greedy(section.objective, section.rounds, section.bags),
        ),
        WeightingSpec(
            "inverse_error",
            "the inverse of each member's mean squared error",
            lambda _: InverseError(),
        ),
        WeightingSpec(
            "score_proportional",
            "each member's mean CORR, where it is positive",
            lambda _: ScoreProportional(),
        ),
        WeightingSpec(
            "nnls",
            "non-negative least squares of the target on the members' ranks",
            lambda _: NonNegativeLeastSquares(),
        ),
        WeightingSpec(
            "mean_variance",
            "the highest Sharpe of per-era scores, their covariance shrunk (Ledoit-Wolf)",
            lambda _: MeanVariance(),
        ),
        WeightingSpec(
            "maximise",
            "the objective itself, by projected gradient from several starts",
            lambda section: Maximise(section.objective),
        ),
    )
}
