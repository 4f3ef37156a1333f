"""The table of a comparison: a row a model, from the result files and the one evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from erazoo.engine.job import Outcome
from erazoo.engine.journal import read_outcomes
from erazoo.folds import FoldPlan
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.build import open_shards
from scoring.summary import json_number
from training.assessment import BESIDE_KINDS
from training.comparison_plan import Contest, category_of, job_name
from training.job import FINAL, JOBS, RESULT, model_dir
from zoo import catalogue

FORMAT = 1
OK = "ok"
Row = dict[str, Any]


def comparison_table(
    contest: Contest,
    run: RunDir,
    ends: Mapping[str, tuple[str, str]],
    scores: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The content of `comparison.json`.

    Args:
        contest: what is compared.
        run: the run directory.
        ends: state and reason of the models that did not finish.
        scores: of the evaluation, None where nothing is trained.

    Returns:
        What the scores are of, and `rows`: models by their mean CORR, then references so, then what
        did not finish or took no part.
    """
    _, plan = open_shards(contest.config, run)
    candidates = (scores or {}).get("candidates", {})
    rows = [_row(contest, run, name, ends, candidates.get(name)) for name in contest.names]
    for row in rows:
        if row["status"] == OK:
            row |= _figures(candidates[row["name"]], scores or {}, plan)
    _mark_best(rows)
    rows.sort(key=_by_corr)
    good = [row for row in rows if row["status"] == OK]
    bad = [row for row in rows if row["status"] != OK]
    beside = [
        {"name": name, "category": "reference", "status": OK, **_figures(c, scores or {}, plan)}
        for name, c in candidates.items()
        if c["kind"] in BESIDE_KINDS
    ]
    beside.sort(key=_by_corr)
    out = [_left_out(name, reason) for name, reason in contest.left_out.items()]
    eras = (scores or {}).get("eras", [])
    return {
        "format": FORMAT,
        "run": contest.config.run.name,
        "target": (scores or {}).get("target", plan.target),
        "benchmark": (scores or {}).get("benchmark"),
        "meta_model": (scores or {}).get("meta_model"),
        "eras": len(eras),
        "first_era": eras[0] if eras else None,
        "last_era": eras[-1] if eras else None,
        "folds": len(plan.development),
        "training_eras": contest.config.training.eras,
        "alarms": list((scores or {}).get("alarms", [])),
        "rows": [*good, *beside, *bad, *out],
    }


def _row(
    contest: Contest,
    run: RunDir,
    name: str,
    ends: Mapping[str, tuple[str, str]],
    candidate: Mapping[str, Any] | None,
) -> Row:
    """What is known of a model without its scores."""
    entry = contest.config.models[name]
    spec = catalogue.get(entry.model)
    row: Row = {
        "name": name,
        "model": spec.name,
        "family": spec.family,
        "category": category_of(spec.family),
        "preset": entry.preset,
    }
    if candidate is None:
        state, reason = ends.get(name, ("failed", "it has no predictions"))
        return {**row, "status": state, "reason": reason}
    return {**row, "status": OK, "reason": None, **_costs(run, name)}


def _left_out(name: str, reason: str) -> Row:
    return {"name": name, "category": "", "status": "left out", "reason": reason}


def _costs(run: RunDir, name: str) -> Row:
    """Time, memory and size of a trained model.

    The peak is that of the job, which counts all that the model started, where this result is what
    the job on record left; else that of the process that trained it.
    """
    folder = model_dir(run, name)
    result = read_json(folder / RESULT)
    outcome = read_outcomes(run.path(JOBS)).get(job_name(name))
    peak = outcome.peak_mb if outcome is not None and _left(outcome, result) else 0.0
    return {
        "fit_seconds": result["seconds"]["fit"],
        "predict_seconds": result["seconds"]["predict"],
        "peak_memory_mb": max(round(peak), result["peak_memory_mb"]),
        "size_bytes": _size(folder / FINAL),
    }


def _left(outcome: Outcome, result: Mapping[str, Any]) -> bool:
    """Whether a job ended with this very result, and no later training with another."""
    return outcome.ok and outcome.value["seconds"] == result["seconds"]["wall"]


def _size(folder: Path) -> int:
    """Bytes of the fit that serves live data."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _figures(candidate: Mapping[str, Any], scores: Mapping[str, Any], plan: FoldPlan) -> Row:
    """The scores of a candidate, as the evaluation took them."""
    summary, like = candidate["summary"], candidate.get("like") or {}
    train, errors = candidate.get("train") or {}, candidate.get("regression") or {}
    corr, trained = summary["corr"], train.get("corr") or {}
    by_era = candidate["per_era"]
    folds = _folds(scores["eras"], plan)
    rmse_of_folds = [_rms(part) for part in _parts(by_era.get("rmse"), folds)]
    return {
        "corr": corr["mean"],
        "corr_fold_std": _std([_mean(part) for part in _parts(by_era["corr"], folds)]),
        "train_corr": trained.get("mean"),
        "overfitting": candidate.get("overfitting"),
        "sharpe": corr["sharpe"],
        "train_sharpe": _ratio(trained.get("mean"), trained.get("std")),
        "train_mmc": _mean_of(train.get("mmc")),
        "train_bmc": _mean_of(train.get("bmc")),
        "mmc": _mean_of(summary.get("mmc")),
        "bmc": _mean_of(summary.get("bmc")),
        "rmse": errors.get("rmse"),
        "train_rmse": train.get("rmse") if errors else None,
        "rmse_fold_std": _std(rmse_of_folds),
        "like_benchmark": like.get("benchmark"),
        "like_meta_model": like.get("meta_model"),
    }


def _by_corr(row: Row) -> float:
    """A key that puts the highest mean CORR first and those without one last."""
    return math.inf if row.get("corr") is None else -row["corr"]


def _mark_best(rows: Iterable[Row]) -> None:
    """Mark the highest mean CORR of each category."""
    best: dict[str, Row] = {}
    for row in rows:
        if row.get("corr") is None:
            continue
        held = best.get(row["category"])
        if held is None or row["corr"] > held["corr"]:
            best[row["category"]] = row
    for row in rows:
        row["best"] = best.get(row["category"]) is row


def _folds(eras: Sequence[str], plan: FoldPlan) -> list[list[int]]:
    """The places of each development fold's eras among those that are scored."""
    place = {era: k for k, era in enumerate(eras)}
    return [[place[era] for era in f.validation if era in place] for f in plan.development]


def _parts(values: Sequence[float | None] | None, folds: list[list[int]]) -> list[list[float]]:
    if values is None:
        return []
    return [[v for k in fold if (v := values[k]) is not None] for fold in folds]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _rms(values: Sequence[float]) -> float:
    return math.sqrt(_mean([value**2 for value in values]))


def _std(values: Sequence[float]) -> float | None:
    """The standard deviation (ddof 0) of what two or more folds have."""
    known = [value for value in values if math.isfinite(value)]
    return json_number(float(np.std(known))) if len(known) > 1 else None


def _ratio(mean: float | None, std: float | None) -> float | None:
    return None if mean is None or not std else mean / std


def _mean_of(summary: Mapping[str, Any] | None) -> float | None:
    return None if summary is None else summary["mean"]
