"""Scores of an evaluation, typed: the content of `scores.json` and `final.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from erazoo.errors import ArtifactError
from scoring.summary import Summary

FORMAT = 2
ENSEMBLE, MODEL, FILE = "ensemble", "model", "file"
BENCHMARK, META_MODEL = "benchmark", "meta_model"
KINDS = {
    ENSEMBLE: "ensemble",
    MODEL: "model",
    FILE: "file",
    BENCHMARK: "benchmark",
    META_MODEL: "meta model",
}
OURS = (ENSEMBLE, MODEL, FILE)
METRICS = {"corr": "CORR", "mmc": "MMC", "bmc": "BMC", "fnc": "FNC"}
Number = float | None


@dataclass(frozen=True)
class Notice:
    """One thing to know before believing the scores: `alarm`, `warning` or `note`."""

    level: str
    words: str
    kind: str = ""
    candidate: str | None = None


@dataclass(frozen=True)
class Exposure:
    """Mean and largest absolute exposure to features, in all and by group."""

    mean: Number
    max: Number
    feature: str
    groups: Mapping[str, tuple[Number, Number]]


@dataclass(frozen=True)
class Classification:
    """Scores of class probabilities; calibration in (predicted, observed, rows)."""

    average_precision: Number
    log_loss: Number
    brier: Number
    calibration: tuple[tuple[float, float, int], ...]


@dataclass(frozen=True)
class Candidate:
    """Scores of one candidate; a metric that was not taken is absent from the mappings.

    Args:
        name: of the candidate.
        kind: one of `KINDS`.
        family: of a model.
        rows: scored rows.
        per_era: by metric, a score an era; `churn` beside the metrics of `METRICS`.
        summaries: by metric.
        seconds: of `fit` and `predict`.
        train: CORR on eras that the model was trained on.
        overfitting: mean CORR in training over that in validation.
        deflated_sharpe: probability that the Sharpe is real, given the number of trials.
        exposure: to features.
        like: mean correlation with `benchmark` and `meta_model`.
        boundary: mean CORR of the eras next to training eras, and of the others.
        errors: of raw predictions on the target's scale: `rmse`, `mae`.
        classification: scores of class probabilities.
        returned: cumulative return from the payouts of a round's terms.
    """

    name: str
    kind: str
    family: str = ""
    rows: int | None = None
    per_era: Mapping[str, tuple[Number, ...]] = field(default_factory=dict)
    summaries: Mapping[str, Summary] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    train: Summary | None = None
    overfitting: Number = None
    deflated_sharpe: Number = None
    exposure: Exposure | None = None
    like: Mapping[str, float] = field(default_factory=dict)
    boundary: tuple[Number, Number] | None = None
    errors: Mapping[str, float] = field(default_factory=dict)
    classification: Classification | None = None
    returned: Number = None

    @property
    def corr(self) -> Summary:
        """The summary of CORR."""
        return self.summaries["corr"]


@dataclass(frozen=True)
class Scores:
    """All scores of an evaluation, candidates in the order of their mean CORR, best first."""

    target: str
    kind: str
    eras: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    benchmark: str | None = None
    meta_model: str | None = None
    label_eras: int = 0
    trials: int | None = None
    names: tuple[str, ...] = ()
    correlation: tuple[tuple[Number, ...], ...] = ()
    achievable: Number = None
    distribution: tuple[tuple[str, int], ...] = ()
    alarms: tuple[Notice, ...] = ()

    def of_kind(self, *kinds: str) -> tuple[Candidate, ...]:
        """The candidates of some kinds, best first."""
        return tuple(c for c in self.candidates if c.kind in kinds)

    def headline(self) -> Candidate | None:
        """The standard ensemble, else the best ensemble, the best model or the best file."""
        standard = (c for c in self.of_kind(ENSEMBLE) if c.name == ENSEMBLE)
        found = (c for kind in OURS for c in self.of_kind(kind))
        return next(standard, None) or next(found, None)


def parse_scores(value: Any) -> Scores:
    """The content of a result file.

    Raises:
        ArtifactError: another format.
    """
    if (found := value.get("format", 1)) != FORMAT:
        raise ArtifactError(
            "the scores have another format than this version reads",
            received=f"format {found}",
            expected=f"format {FORMAT}",
        )
    matrix = value.get("correlation") or {"names": [], "matrix": []}
    candidates = [_candidate(name, entry) for name, entry in value["candidates"].items()]
    return Scores(
        target=value["target"],
        kind=value["kind"],
        eras=tuple(value["eras"]),
        candidates=tuple(sorted(candidates, key=_place)),
        benchmark=value.get("benchmark"),
        meta_model=value.get("meta_model"),
        label_eras=int(value.get("label_eras") or 0),
        trials=value.get("trials"),
        names=tuple(matrix["names"]),
        correlation=tuple(tuple(row) for row in matrix["matrix"]),
        achievable=(value.get("achievable") or {}).get("corr"),
        distribution=tuple(
            (str(label), int(rows)) for label, rows in value.get("target_distribution") or ()
        ),
        alarms=tuple(_alarm(entry) for entry in value.get("alarms") or ()),
    )


def read_seconds(value: Mapping[str, Any]) -> dict[str, float]:
    """The wall times of a record, without those that were not taken."""
    return _known(value.get("seconds"))


def _candidate(name: str, value: Any) -> Candidate:
    per_era, summaries = value["per_era"], value["summary"]
    train, exposure = value.get("train"), value.get("exposure")
    classes, near = value.get("classification"), value.get("boundary")
    return Candidate(
        name=name,
        kind=value["kind"],
        family=value.get("family") or "",
        rows=value.get("rows"),
        per_era={metric: tuple(v) for metric, v in per_era.items() if v is not None},
        summaries={
            metric: Summary.from_json(v) for metric, v in summaries.items() if v is not None
        },
        seconds=read_seconds(value),
        train=Summary.from_json(train["corr"]) if train and train.get("corr") else None,
        overfitting=value.get("overfitting"),
        deflated_sharpe=value.get("deflated_sharpe"),
        exposure=_exposure(exposure) if exposure else None,
        like=_known(value.get("like")),
        boundary=(near["first"], near["rest"]) if near else None,
        errors=_known(value.get("regression")),
        classification=_classification(classes) if classes else None,
        returned=value.get("return"),
    )


def _known(figures: Mapping[str, Any] | None) -> dict[str, float]:
    return {name: float(v) for name, v in (figures or {}).items() if v is not None}


def _exposure(value: Mapping[str, Any]) -> Exposure:
    groups = value.get("groups") or {}
    return Exposure(
        mean=value.get("mean"),
        max=value.get("max"),
        feature=str(value.get("feature") or ""),
        groups={name: (of.get("mean"), of.get("max")) for name, of in groups.items()},
    )


def _classification(value: Mapping[str, Any]) -> Classification:
    points: Sequence[Mapping[str, Any]] = value.get("calibration") or ()
    return Classification(
        average_precision=value.get("average_precision"),
        log_loss=value.get("log_loss"),
        brier=value.get("brier"),
        calibration=tuple(
            (float(p["predicted"]), float(p["observed"]), int(p["rows"]))
            for p in points
            if p.get("predicted") is not None and p.get("observed") is not None
        ),
    )


def _alarm(value: Mapping[str, Any]) -> Notice:
    level = value["level"] if value["level"] in ("alarm", "warning") else "note"
    return Notice(level, value["words"], value.get("kind") or "", value.get("candidate"))


def _place(candidate: Candidate) -> tuple[bool, float]:
    mean = candidate.corr.mean
    return (mean != mean, -mean)
