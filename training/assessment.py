"""From predictions and labels to the content of a result file, whoever made the predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.alarms import Alarm, Limits, find_alarms, in_order
from scoring.bootstrap import RESAMPLES
from scoring.boundary import boundary_contrast
from scoring.distribution import value_counts
from scoring.evaluate import CHURN, CORR, CandidateScores, score_candidates
from scoring.regression import regression_errors
from scoring.significance import deflated_sharpe
from scoring.similarity import churn, rank_correlation
from scoring.summary import json_number
from training.feature_pass import FeatureChoice, FeatureFigures, feature_figures
from training.payouts import Payouts
from training.standards import overlap_of
from training.truth import LabelSource, Truth

FORMAT = 2
META_MODEL, BENCHMARK = "meta_model", "benchmark"
BESIDE_KINDS = (META_MODEL, BENCHMARK)


@dataclass(frozen=True)
class Candidate:
    """Whose predictions a column holds, and what is known of it beside them.

    Args:
        name: unique in an evaluation.
        kind: `model`, `ensemble`, `file`, `benchmark` or `meta_model`.
        family: of a model.
        seconds: of `fit` and `predict`.
        train: see `training.in_sample.train_summary`.
        facts: further entries of the result file, such as `classification` and `overlap`.
        ranks: whether its predictions are known to be ranks or sums of them, which have no error
            on the target's scale.
    """

    name: str
    kind: str
    family: str = ""
    seconds: Mapping[str, float] | None = None
    train: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    ranks: bool = False


@dataclass(frozen=True)
class Question:
    """What an evaluation asks.

    Args:
        kind: `out_of_fold`, `held_out` or `files`.
        target: that is scored on.
        label_eras: eras that its labels reach past their own.
        meta_model: the reference of MMC.
        benchmark: the reference of BMC.
        choice: the features of FNC and exposures.
        near: scored eras that lie next to training eras.
        trials: candidates that are known to have been tried; those that are scored count at least.
        limits: from where on scores are suspicious.
        payouts: the terms of a round, where known.
        alarms: what was found before any score was taken.
    """

    kind: str
    target: str
    label_eras: int
    meta_model: str | None
    benchmark: str | None
    choice: FeatureChoice
    near: frozenset[str] = frozenset()
    trials: int = 0
    limits: Limits = field(default_factory=Limits)
    payouts: Payouts | None = None
    alarms: tuple[Alarm, ...] = ()


class Board:
    """The candidates of an evaluation, each a column of one matrix.

    Args:
        truth: the labels of the rows; its references stand on the board behind the candidates.
        columns: how many candidates will be added.
        dtype: of the matrix; float64 keeps the ranks of predictions that are given so.
    """

    def __init__(self, truth: Truth, columns: int, dtype: Any = np.float32) -> None:
        self.truth = truth
        self.candidates: list[Candidate] = []
        self._values = np.empty((columns + len(truth.references), truth.slices.rows), dtype)

    def add(self, candidate: Candidate, values: NDArray[Any]) -> None:
        """Put a candidate's predictions (n,) on the board, NaN where it has none."""
        self._values[len(self.candidates)] = values
        self.candidates.append(candidate)

    def add_references(self, meta_model: str | None) -> None:
        """The references that have a value in these rows, as candidates to compare with."""
        taken = {candidate.name for candidate in self.candidates}
        for name, values in self.truth.references.items():
            if name not in taken and bool(np.isfinite(values).any()):
                kind = META_MODEL if name == meta_model else BENCHMARK
                self.add(Candidate(name, kind, kind), values)

    @property
    def matrix(self) -> NDArray[Any]:
        """(n, M) predictions, a column a candidate."""
        return self._values[: len(self.candidates)].T

    @property
    def names(self) -> list[str]:
        """The candidates' names."""
        return [candidate.name for candidate in self.candidates]

    @property
    def judged(self) -> list[int]:
        """Columns of the candidates that are not there for comparison alone."""
        return [j for j, c in enumerate(self.candidates) if c.kind not in BESIDE_KINDS]


def assess(board: Board, question: Question, source: LabelSource) -> dict[str, Any]:
    """The content of a result file (format 2).

    Args:
        board: the candidates and the labels.
        question: what is asked.
        source: where the features lie.

    Memory: the board, and one era of features.

    Raises:
        DataError: no era is resolved.
    """
    truth, matrix = board.truth, board.matrix
    figures = feature_figures(source, truth, matrix, question.choice)
    beside = {} if figures is None else {"fnc": figures.fnc}
    if truth.assets is not None:
        beside[CHURN] = churn(matrix, truth.assets, truth.slices)
    references = {
        metric: truth.references[name]
        for metric, name in (("mmc", question.meta_model), ("bmc", question.benchmark))
        if name in truth.references
    }
    overlap = overlap_of(source.axis, truth.slices.labels, question.label_eras)
    scores = score_candidates(
        matrix,
        board.names,
        truth.target,
        truth.slices,
        references,
        overlap,
        beside=beside,
        bootstrap=RESAMPLES,
    )
    alike = rank_correlation(matrix, truth.slices)
    trials = max(question.trials, len(board.judged))
    deflated = deflated_sharpe(scores.per_era[CORR][:, board.judged], trials, overlap)
    entries = _entries(board, question, scores, figures, alike, deflated)
    result = {
        "format": FORMAT,
        "kind": question.kind,
        "target": question.target,
        "label_eras": question.label_eras,
        "meta_model": question.meta_model,
        "benchmark": question.benchmark,
        "features": question.choice.name or None,
        "eras": list(scores.eras),
        "trials": trials,
        "candidates": entries,
        "correlation": {"names": board.names, "matrix": [_numbers(row) for row in alike]},
        "target_distribution": value_counts(truth.target),
    }
    alarms = [*question.alarms, *find_alarms(result, question.limits)]
    return {**result, "alarms": [alarm.to_json() for alarm in in_order(alarms)]}


def _entries(
    board: Board,
    question: Question,
    scores: CandidateScores,
    figures: FeatureFigures | None,
    alike: NDArray[np.float64],
    deflated: NDArray[np.float64],
) -> dict[str, dict[str, Any]]:
    near = np.isin(scores.eras, list(question.near))
    contrasts = boundary_contrast(scores.per_era[CORR], near)
    real = dict(zip(board.judged, deflated.tolist(), strict=True))
    returns = np.full(len(board.candidates), np.nan)
    if question.payouts is not None:
        returns = question.payouts.yearly(scores)
    entries = {}
    for j, candidate in enumerate(board.candidates):
        ours = j in real
        contrast = contrasts[j] if ours else None
        mean = scores.summary(candidate.name).mean
        scaled = ours and not candidate.ranks
        regression, rmse = _regression(board.matrix[:, j], board.truth) if scaled else (None, None)
        taken = scores.to_json(candidate.name)
        entries[candidate.name] = {
            "kind": candidate.kind,
            "family": candidate.family,
            **taken,
            "per_era": {**taken["per_era"], "rmse": rmse},
            "train": candidate.train,
            "overfitting": _overfitting(candidate.train, mean),
            "deflated_sharpe": json_number(real[j]) if ours else None,
            "exposure": figures.exposure_of(j) if figures else None,
            "like": _like(board, alike[j], question),
            "boundary": contrast.to_json() if contrast else None,
            "regression": regression,
            "classification": None,
            "return": json_number(float(returns[j])) if ours else None,
            "seconds": dict(candidate.seconds) if candidate.seconds else None,
            **candidate.facts,
        }
    return entries


def _overfitting(train: Mapping[str, Any] | None, validation: float) -> float | None:
    """Mean CORR in training over that in validation, where there is any skill to overfit."""
    mean = (train or {}).get("corr", {}).get("mean")
    if mean is None or not validation > 0:
        return None
    return float(mean) / validation


def _like(
    board: Board, row: NDArray[np.float64], question: Question
) -> dict[str, float | int | None]:
    at = {name: j for j, name in enumerate(board.names)}
    roles = {BENCHMARK: question.benchmark, META_MODEL: question.meta_model}
    return {
        role: json_number(float(row[at[name]])) if name is not None and name in at else None
        for role, name in roles.items()
    }


def _regression(
    values: NDArray[Any], truth: Truth
) -> tuple[dict[str, Any] | None, list[float | int | None] | None]:
    """RMSE and MAE where the predictions are on the target's scale, and RMSE era by era.

    They are where they lie within its range, their mean within half of its standard deviation of
    its own, and their spread is no wider: the best predictor of a noisy target varies less than
    it does. Ranks and sums of ranks are not.
    """
    rows = ~(np.isnan(values) | np.isnan(truth.target))
    p, t = values[rows].astype(np.float64), truth.target[rows].astype(np.float64)
    if not len(p) or not t.std() > 0:
        return None, None
    inside = p.min() >= t.min() and p.max() <= t.max()
    if not inside or abs(p.mean() - t.mean()) > t.std() / 2 or p.std() > t.std():
        return None, None
    errors = regression_errors(values, truth.target, truth.slices)
    overall = {
        "rmse": json_number(float(errors.overall_rmse[0])),
        "mae": json_number(float(errors.overall_mae[0])),
    }
    return overall, _numbers(errors.rmse[:, 0])


def _numbers(row: Sequence[float] | NDArray[np.float64]) -> list[float | int | None]:
    return [json_number(float(value)) for value in row]
