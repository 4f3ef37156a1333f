"""What a walk was worth: exact scores beside models that never learned again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.comparison import METRICS, references_of
from ensemble.pool import Pool, weighted_ranks
from ensemble.walk.steps import Step
from scoring.eras import EraSlices
from scoring.evaluate import CORR, CandidateScores, score_candidates
from scoring.ranks import era_ranks
from scoring.significance import paired_difference
from scoring.summary import json_number
from training.standards import overlap_of

WALK, EQUAL, STATIC, NESTED = "walk", "equal", "static", "nested"
ABOUT = {
    WALK: "models and weights learn as eras are resolved",
    EQUAL: "the same models with equal weights",
    STATIC: "the models as they were first fitted, with equal weights",
    NESTED: "the run's ensemble: a fit a fold, weights a block",
}
PAIRS = ((WALK, STATIC), (WALK, NESTED), (EQUAL, STATIC), (WALK, EQUAL))
"""Differences that are told: of all, to the ensemble, of the updates alone, of the weights."""


@dataclass(frozen=True)
class Lived:
    """Everything that was predicted in a walk; M models, n rows, E eras.

    Args:
        blend: (n,).
        models: (M, n) predictions of the models as they were.
        static: (M, n) of the models as they were first fitted.
        equal: (n,) mean ranks of the models.
        frozen: (n,) mean ranks of the models as they were first fitted.
        weights: (E, M).
    """

    blend: NDArray[np.float32]
    models: NDArray[np.float32]
    static: NDArray[np.float32]
    equal: NDArray[np.float32]
    frozen: NDArray[np.float32]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Lived:
        """What the steps of a walk hold."""
        return cls(
            np.concatenate([step.blend for step in steps]),
            np.concatenate([step.predictions for step in steps], axis=1),
            np.concatenate([step.static for step in steps], axis=1),
            np.concatenate([_mean_rank(step.predictions) for step in steps]),
            np.concatenate([_mean_rank(step.static) for step in steps]),
            np.stack([step.weights for step in steps]),
        )


def score_walk(
    lived: Lived, truth: Pool, names: Sequence[str], nested: NDArray[np.float32]
) -> CandidateScores:
    """Exact scores of the walk, of what it is compared with, and of each model, both ways.

    Args:
        lived: the walk.
        truth: the walked eras with all targets.
        names: (M,) of the models.
        nested: (n,) the run's ensemble.
    """
    blends = [lived.blend, lived.equal, lived.frozen, nested]
    matrix = np.stack([*blends, *lived.models, *lived.static], axis=1)
    overlap = overlap_of(truth.axis, truth.eras, truth.label_eras)
    columns = [*ABOUT, *(walking(name) for name in names), *(standing(name) for name in names)]
    return score_candidates(
        matrix, columns, truth.targets, truth.slices, references_of(truth), overlap
    )


def walking(name: str) -> str:
    """What a model that learns again is called among the candidates."""
    return f"{name} (walk)"


def standing(name: str) -> str:
    """What a model that was fitted once is called among the candidates."""
    return f"{name} (static)"


def difference(scores: CandidateScores, one: str, other: str, overlap: int) -> dict[str, Any]:
    """Mean CORR of one candidate beyond another, era by era, and its standard error."""
    corr, names = scores.per_era[CORR], scores.names
    columns = corr[:, names.index(one)], corr[:, names.index(other)]
    mean, error = paired_difference(*columns, overlap)
    return {
        "of": one,
        "to": other,
        "mean": json_number(mean),
        "standard_error": json_number(error),
    }


def verdict(pair: Mapping[str, Any]) -> str:
    """Whether learning on was worth it, in words."""
    mean, error = pair["mean"], pair["standard_error"]
    if mean is None or error is None:
        return "not judged, because too few eras are resolved"
    size = f"{mean:+.4f} a walked era, standard error {error:.4f}"
    if abs(mean) <= error:
        return f"no different from models that are never updated, beyond noise: {size}"
    return f"{'better' if mean > 0 else 'worse'} than models that are never updated: {size}"


def candidates_json(scores: CandidateScores) -> dict[str, Any]:
    """Per-era scores and summaries of every candidate."""
    found = {}
    for name in scores.names:
        kept = scores.to_json(name, METRICS)
        per_era = {metric: kept["per_era"][metric] for metric in METRICS}
        about = ABOUT.get(name, "a model")
        found[name] = {"about": about, "per_era": per_era, "summary": kept["summary"]}
    return found


def _mean_rank(predictions: NDArray[np.float32]) -> NDArray[np.float32]:
    size, rows = predictions.shape
    ranks = era_ranks(predictions.T, EraSlices(("",), np.array([0, rows]))).T
    return weighted_ranks(np.full(size, 1 / size), ranks)
