"""Trials of a search, typed: the content of `trials.json`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from erazoo.errors import ArtifactError

FORMAT = 1
Pair = tuple[float, float]


@dataclass(frozen=True)
class Trial:
    """One trial's score in validation, and on later data where it was scored there."""

    id: str
    validation: float | None
    test: float | None


@dataclass(frozen=True)
class Trials:
    """Every trial of a search.

    Args:
        metric: of the scores, as `corr_sharpe`.
        trials: in the order in which they were made.
        unfinished: by state, how many trials did not complete.
        chosen: the trial that the search chose.
        benchmark: the benchmark's scores, likewise.
        what: a trial is called.
    """

    metric: str
    trials: tuple[Trial, ...]
    unfinished: Mapping[str, int]
    chosen: Trial | None = None
    benchmark: Trial | None = None
    what: str = "trial"


@dataclass(frozen=True)
class Fit:
    """A least-squares line through pairs, and their correlation (Pearson)."""

    slope: float
    intercept: float
    correlation: float


def parse_trials(value: Any) -> Trials:
    """The content of a result file.

    Raises:
        ArtifactError: another format.
    """
    if (found := value.get("format")) != FORMAT:
        raise ArtifactError(
            "the trials have another format than this version reads",
            received=f"format {found}",
            expected=f"format {FORMAT}",
        )
    complete = [t for t in value["trials"] if t.get("state", "complete") == "complete"]
    states = [t["state"] for t in value["trials"] if t.get("state", "complete") != "complete"]
    trials = tuple(_trial(str(t["id"]), t.get("scores") or {}) for t in complete)
    chosen = value.get("chosen")
    benchmark = value.get("benchmark")
    return Trials(
        metric=str(value["metric"]),
        trials=trials,
        unfinished={state: states.count(state) for state in sorted(set(states))},
        chosen=next((t for t in trials if chosen is not None and t.id == str(chosen)), None),
        benchmark=_trial("benchmark", benchmark) if benchmark else None,
        what=str(value.get("what", "trial")),
    )


def fit_line(pairs: Sequence[Pair]) -> Fit | None:
    """The line through pairs; None for fewer than three, or where one side does not vary.

    >>> fit_line([(0, 1), (1, 3), (2, 5)])
    Fit(slope=2.0, intercept=1.0, correlation=1.0)
    """
    past, future = [p for p, _ in pairs], [f for _, f in pairs]
    if len(pairs) < 3 or len(set(past)) == 1 or len(set(future)) == 1:
        return None
    line = statistics.linear_regression(past, future)
    return Fit(line.slope, line.intercept, statistics.correlation(past, future))


def metric_name(metric: str) -> str:
    """A metric as people read it.

    >>> metric_name("corr_sharpe"), metric_name("mmc_mean"), metric_name("loss")
    ('Sharpe of CORR', 'mean MMC', 'loss')
    """
    score, _, figure = metric.partition("_")
    if score in ("corr", "mmc", "bmc", "fnc"):
        return f"Sharpe of {score.upper()}" if figure == "sharpe" else f"{figure} {score.upper()}"
    return metric.replace("_", " ")


def _trial(name: str, scores: Mapping[str, Any]) -> Trial:
    return Trial(name, _finite(scores.get("validation")), _finite(scores.get("test")))


def _finite(score: float | None) -> float | None:
    """A score, None where there is none or it is NaN or infinite."""
    return None if score is None or not math.isfinite(float(score)) else float(score)
