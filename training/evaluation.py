"""`erazoo evaluate`: every candidate's predictions against the labels, in one pass."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.config import Config
from erazoo.errors import ConfigError, DataError, LeakageError
from erazoo.folds import FoldPlan
from erazoo.near import nearest
from erazoo.publish import fingerprint, read_json, sha256, write_json
from erazoo.rundir import RunDir, Stage
from etl.build import content_of, open_shards
from etl.shards import Labels, ShardSet
from etl.source import data_folder
from scoring.distribution import value_counts
from scoring.eras import EraSlices
from scoring.evaluate import CandidateScores, score_candidates
from scoring.similarity import rank_correlation
from scoring.summary import json_number
from training.loop import RESULT, model_dir, model_stage
from training.predictions import Predictions

META_MODEL = "numerai_meta_model"
SCORES = {"out_of_fold": "scores.json", "held_out": "final.json"}
OPENINGS = "openings.json"


@dataclass(frozen=True)
class Candidate:
    """One column to score: where it comes from and what is known of it."""

    name: str
    kind: str
    family: str
    values: NDArray[np.float32]
    seconds: Mapping[str, float] | None = None


def evaluate(
    config: Config, run: RunDir, *, final: bool = False, force: bool = False
) -> dict[str, Any]:
    """Score the models and ensembles of a run, its benchmark and its meta model.

    Args:
        config: the experiment.
        run: its run directory.
        final: score the held-out eras instead; each opening is recorded in
            `evaluation/openings.json`.
        force: score again what is scored already.

    Memory: labels and predictions of the scored eras; no features.

    Returns:
        The content of `evaluation/scores.json` (`final.json` with `final`).

    Raises:
        DataError: there is nothing to score.
    """
    kind = "held_out" if final else "out_of_fold"
    shards, plan = open_shards(config, run)
    files, missing = prediction_files(config, run, kind)
    stage, out = _stage(config, run, kind, files), run.path("evaluation", SCORES[kind])
    if not force and stage.done():
        return {**read_json(out), "missing": missing, "skipped": True}
    begun = time.monotonic()
    stage.forget()
    _drop_stale_final(config, run)
    result = {**_scores(config, run, shards, plan, files, kind), "missing": missing}
    if final:
        _record_opening(run, result)
    write_json(out, result)
    stage.finish([out], _brief(result), time.monotonic() - begun)
    return result


def scores_stand(config: Config, run: RunDir, *, final: bool = False) -> bool:
    """Whether the present predictions are scored already.

    Raises:
        StaleDataError: there are no shards of this configuration.
    """
    kind = "held_out" if final else "out_of_fold"
    open_shards(config, run)
    files, _ = prediction_files(config, run, kind)
    return _stage(config, run, kind, files).done()


def prediction_files(config: Config, run: RunDir, kind: str) -> tuple[list[Path], dict[str, str]]:
    """The prediction files that this very configuration made, models first and the ensemble last.

    Returns:
        The files, and by name why an enabled model has none.
    """
    files, missing = [], {}
    for name, entry in config.models.items():
        if not entry.enabled:
            continue
        path = model_dir(run, name) / f"{kind}.parquet"
        if model_stage(config, run, name).done() and path.is_file():
            files.append(path)
        else:
            missing[name] = _why_missing(path)
    blend = run.path("ensemble", f"{kind}.parquet")
    if blend.is_file() and _is_current(config, blend, files):
        files.append(blend)
    return files, missing


def source_print(files: Sequence[Path]) -> str:
    """What a blend of prediction files was made from, as it is recorded in the blend."""
    return fingerprint([sha256(path) for path in files])


def _is_current(config: Config, blend: Path, files: Sequence[Path]) -> bool:
    """Whether a blend was made from the configured members' present predictions."""
    members = config.ensemble.members or tuple(path.parent.name for path in files)
    sources = [path for name in members for path in files if path.parent.name == name]
    facts = Predictions.load(blend).facts
    same = facts.get("members") == ",".join(members)
    return same and facts.get("sources") == source_print(sources)


def _why_missing(path: Path) -> str:
    result = _model_result(path)
    if result["status"] == "failed":
        return str(result["reason"])
    return "not trained with this configuration; run `erazoo train`"


def _stage(config: Config, run: RunDir, kind: str, files: Sequence[Path]) -> Stage:
    inputs = {
        "files": {str(f.relative_to(run.root)): sha256(f) for f in files},
        "shards": content_of(run),
        "folds": sha256(run.path("folds.json")),
    }
    references = [config.data.meta_model, config.data.benchmark]
    return run.stage(f"evaluate-{kind}", {"references": references}, inputs)


def _drop_stale_final(config: Config, run: RunDir) -> None:
    """Scores on the held-out eras are not shown beside other models than those they are of."""
    files, _ = prediction_files(config, run, "held_out")
    if not _stage(config, run, "held_out", files).done():
        run.path("evaluation", SCORES["held_out"]).unlink(missing_ok=True)


def reference_names(config: Config, references: Sequence[str]) -> tuple[str | None, str | None]:
    """The meta model's and the benchmark's column among the references of the shards.

    Raises:
        ConfigError: a configured name that the shards do not carry.
    """
    for name in (config.data.meta_model, config.data.benchmark):
        if name and name not in references:
            raise ConfigError(
                "the shards carry no such reference",
                received=name,
                expected=nearest(name, references),
            )
    meta = config.data.meta_model or next((r for r in references if r == META_MODEL), None)
    others = [r for r in references if r not in (meta, META_MODEL)]
    return meta, config.data.benchmark or (others[0] if others else None)


def _scores(
    config: Config,
    run: RunDir,
    shards: ShardSet,
    plan: FoldPlan,
    files: Sequence[Path],
    kind: str,
) -> dict[str, Any]:
    eras = _scored_eras(plan, kind)
    labels = shards.labels(eras)
    meta, benchmark = reference_names(config, shards.references)
    columns = {
        metric: labels.references[:, shards.references.index(name)]
        for metric, name in (("mmc", meta), ("bmc", benchmark))
        if name is not None
    }
    candidates = [_candidate(run, path, kind, labels) for path in files]
    if not candidates:
        raise DataError(
            "there are no predictions of this configuration to score",
            received=str(run.root),
            hint="Run `erazoo train`",
        )
    for metric, role in (("mmc", "meta_model"), ("bmc", "benchmark")):
        if metric in columns and np.isfinite(columns[metric]).any():
            name = str(meta if role == "meta_model" else benchmark)
            if name not in {c.name for c in candidates if c.kind == "meta_model"}:
                candidates.append(Candidate(name, role, role, columns[metric]))
    target = labels.targets[:, shards.target_index(plan.target)]
    slices = EraSlices.from_labels(labels.eras)
    matrix = np.column_stack([c.values for c in candidates])
    names = [c.name for c in candidates]
    scores = score_candidates(matrix, names, target, slices, columns, plan.label_eras)
    return {
        "kind": kind,
        "target": plan.target,
        "meta_model": meta,
        "benchmark": benchmark,
        "eras": list(scores.eras),
        "candidates": {c.name: _entry(c, scores) for c in candidates},
        "correlation": _correlation(names, matrix, slices),
        "target_distribution": value_counts(target),
        "achievable": _achievable(config, run, plan.target, scores.eras),
    }


def _scored_eras(plan: FoldPlan, kind: str) -> tuple[str, ...]:
    if kind == "held_out":
        if plan.held_out is None:
            raise ConfigError("this experiment holds out no eras", hint="Set split.held_out")
        return plan.held_out.validation
    scored = {era for fold in plan.development for era in fold.validation}
    return tuple(era for era in plan.axis if era in scored)


def _candidate(run: RunDir, path: Path, kind: str, labels: Labels) -> Candidate:
    predictions = Predictions.load(path)
    if predictions.kind != kind:
        raise LeakageError(
            f"{path} holds predictions of another origin",
            received=predictions.kind,
            expected=kind,
        )
    values = predictions.aligned(labels.ids)
    if path.parent == run.path("ensemble"):
        return Candidate(predictions.name, "ensemble", "ensemble", values)
    result = _model_result(path)
    return Candidate(predictions.name, "model", result["family"], values, result["seconds"])


def _model_result(path: Path) -> dict[str, Any]:
    try:
        return dict(read_json(path.parent / RESULT))
    except FileNotFoundError:
        return {"status": "unfinished"}


def _entry(candidate: Candidate, scores: CandidateScores) -> dict[str, Any]:
    seconds = candidate.seconds
    return {
        "kind": candidate.kind,
        "family": candidate.family,
        **scores.to_json(candidate.name),
        "seconds": dict(seconds) if seconds else None,
    }


def _correlation(
    names: Sequence[str], matrix: NDArray[np.float32], slices: EraSlices
) -> dict[str, Any]:
    table = rank_correlation(matrix, slices)
    return {"names": list(names), "matrix": [[json_number(float(v)) for v in r] for r in table]}


def _achievable(
    config: Config, run: RunDir, target: str, eras: Sequence[str]
) -> dict[str, float] | None:
    """What the noiseless signal scores in these eras, where the data were generated."""
    path = data_folder(config, run) / "demo.json"
    if not path.exists():
        return None
    per_era = read_json(path)["achievable"].get(target, {}).get("per_era", {})
    known = [per_era[era] for era in eras if per_era.get(era) is not None]
    return {"corr": float(np.mean(known))} if known else None


def _record_opening(run: RunDir, result: Mapping[str, Any]) -> None:
    path = run.path("evaluation", OPENINGS)
    openings = read_json(path) if path.exists() else []
    openings.append(
        {
            "opened": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "candidates": [
                n for n, c in result["candidates"].items() if c["kind"] in ("model", "ensemble")
            ],
            "eras": [result["eras"][0], result["eras"][-1]],
        }
    )
    write_json(path, openings)


def _brief(result: Mapping[str, Any]) -> dict[str, Any]:
    means = {name: c["summary"]["corr"]["mean"] for name, c in result["candidates"].items()}
    return {"eras": len(result["eras"]), "corr": means}
