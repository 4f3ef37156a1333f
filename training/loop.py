"""One model through all folds: out-of-fold predictions, held-out predictions, the live fit."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from erazoo.artefacts import CARD, seal
from erazoo.config import Config
from erazoo.folds import EraFold, FoldPlan
from erazoo.logs import LOGGER
from erazoo.publish import (
    atomic_dir,
    fingerprint,
    make_dir,
    read_json,
    sha256,
    sweep,
    write_json,
)
from erazoo.rundir import RunDir, Stage
from etl.build import content_of, open_shards
from etl.shards import ShardSet
from etl.splits import monitor_split
from scoring.summary import json_number
from training.families import load_model, trainer_of, watches
from training.in_sample import in_sample_scores
from training.predictions import Predictions, gather
from training.task import FitResult, FoldTask, predict_eras
from zoo import catalogue
from zoo.catalogue import ModelSpec, Params

FINAL = "final"
PREDICTIONS = "predictions.parquet"
RESULT = "result.json"
IN_SAMPLE = "in_sample"
SCORED = "scored_train_eras"
"""The setting of [training] that changes no fit."""


@dataclass(frozen=True)
class Job:
    """One configured model and what it is trained on; `fitted` gathers the fits of this call."""

    name: str
    spec: ModelSpec
    preset: str
    params: Params
    config: Config
    data: ShardSet
    plan: FoldPlan
    folder: Path
    fitted: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, config: Config, run: RunDir, name: str) -> Job:
        """The job of a configured model; its shards must stand."""
        entry = config.models[name]
        spec = catalogue.get(entry.model)
        params = catalogue.resolve(spec, entry.preset, entry.params)
        data, plan = open_shards(config, run)
        return cls(name, spec, entry.preset, params, config, data, plan, model_dir(run, name))

    def key(self, task: FoldTask, predicted: Sequence[str] = ()) -> str:
        """What a fit and its predictions depend on."""
        settings = task.settings.model_dump(exclude={SCORED}) if watches(self.spec) else {}
        return fingerprint(
            [
                self.spec.name,
                self.params.model_dump(mode="json"),
                self.data.manifest.facts.get("key"),
                [task.fit, task.monitor, task.target, task.seed, task.length, settings],
                list(predicted),
            ]
        )


def model_dir(run: RunDir, name: str) -> Path:
    """Where a model's results lie."""
    return run.path("models", name)


def model_stage(config: Config, run: RunDir, name: str) -> Stage:
    """The stage of one model: its parameters, the shards, the folds and the trainer's settings."""
    entry = config.models[name]
    spec = catalogue.get(entry.model)
    params = catalogue.resolve(spec, entry.preset, entry.params)
    settings = {
        "model": entry.model,
        "params": params.model_dump(mode="json"),
        "training": config.training.model_dump(exclude={SCORED}) if watches(spec) else {},
        "seed": config.run.seed,
    }
    inputs = {
        "in_sample": config.training.scored_train_eras,
        "folds": sha256(run.path("folds.json")),
        "shards": content_of(run),
    }
    return run.stage(f"train-{name}", settings, inputs)


def train_model(config: Config, run: RunDir, name: str) -> dict[str, Any]:
    """Train one configured model on every fold; finished folds are kept and not repeated.

    Writes `out_of_fold.parquet`, `held_out.parquet`, one sealed folder a fit, the scores of each
    fold in training (`in_sample/`) and `result.json`, and finishes the model's stage. The last fit
    has no such scores: its training eras are the held-out ones too.

    Returns:
        The content of `result.json`, and as `fitted` the names of the fits that were not there.
    """
    job = Job.of(config, run, name)
    stage = model_stage(config, run, name)
    stage.forget()
    begun = time.monotonic()
    for part in ("folds", IN_SAMPLE, "."):
        sweep(make_dir(job.folder / part))
    for stale in (RESULT, "out_of_fold.parquet", "held_out.parquet"):
        (job.folder / stale).unlink(missing_ok=True)
    records = [_fold(job, fold) for fold in job.plan.folds]
    for kind in ("out_of_fold", "held_out"):
        wanted = "development" if kind == "out_of_fold" else "held_out"
        folds = [fold for fold in job.plan.folds if fold.kind == wanted]
        if folds:
            parts = [Predictions.load(_fold_dir(job, f.name) / PREDICTIONS) for f in folds]
            gather(name, kind, parts, _facts(job)).save(job.folder / f"{kind}.parquet")
    records.append(_final(job, records))
    result = {
        **_head(job),
        "status": "ok",
        "reason": None,
        "seconds": {
            "fit": round(sum(r["seconds"] for r in records), 3),
            "predict": round(sum(r["predict_seconds"] for r in records), 3),
            "wall": round(time.monotonic() - begun, 3),
        },
        "peak_memory_mb": max(r["peak_memory_mb"] for r in records),
        "folds": records,
    }
    write_json(job.folder / RESULT, result)
    outputs = [job.folder / name for name in (RESULT, "out_of_fold.parquet", f"{FINAL}/{CARD}")]
    if job.plan.held_out is not None:
        outputs.append(job.folder / "held_out.parquet")
    kept = ("name", "model", "family", "status", "seconds", "peak_memory_mb")
    stage.finish(outputs, {k: result[k] for k in kept}, time.monotonic() - begun)
    return {**result, "fitted": job.fitted}


def _fold(job: Job, fold: EraFold) -> dict[str, Any]:
    fit: tuple[str, ...] = fold.train
    monitor: tuple[str, ...] = ()
    if watches(job.spec):
        fit, monitor = monitor_split(job.data.axis, fold.train, job.plan.purge)
    task = _task(job, fold.name, fit, monitor)
    folder = _fold_dir(job, fold.name)
    key = job.key(task, fold.validation)
    if (record := _finished(folder, key)) is not None:
        LOGGER.info("%s %s: done already", job.name, fold.name)
        return {**record, "train": _in_sample(job, task, folder, key)}
    _in_sample_file(job, fold.name).unlink(missing_ok=True)
    with atomic_dir(folder) as work:
        result = _fit(job, task, work)
        begun = time.monotonic()
        predictor = load_model(work, job.data.spec)
        ids, eras, values = predict_eras(predictor, job.data, fold.validation)
        seconds = time.monotonic() - begun
        kind = "held_out" if fold.kind == "held_out" else "out_of_fold"
        folds = eras.copy()
        folds[:] = fold.name
        Predictions(job.name, kind, ids, eras, values, folds, _facts(job)).save(work / PREDICTIONS)
        record = _record(task, result, seconds)
        _seal(job, task, work, key, record)
    LOGGER.info("%s %s: fitted in %.1f s", job.name, fold.name, result.seconds)
    return {**record, "train": _in_sample(job, task, folder, key)}


def _in_sample(job: Job, task: FoldTask, folder: Path, key: str) -> dict[str, Any] | None:
    load = lambda: load_model(folder, job.data.spec)
    return in_sample_scores(_in_sample_file(job, task.name), key, job.data, task, load)


def _in_sample_file(job: Job, fold: str) -> Path:
    return job.folder / IN_SAMPLE / f"{fold}.json"


def _final(job: Job, records: list[dict[str, Any]]) -> dict[str, Any]:
    """The fit that predicts live data: every resolved era, of the length that the folds chose."""
    lengths = [r["best_epoch"] for r in records if r["best_epoch"] and r["name"] != "held_out"]
    length = round(statistics.median(lengths)) if lengths else None
    task = replace(_task(job, FINAL, job.plan.final, ()), length=length)
    folder = job.folder / FINAL
    if (record := _finished(folder, job.key(task))) is not None:
        LOGGER.info("%s %s: done already", job.name, FINAL)
        return record
    with atomic_dir(folder) as work:
        result = _fit(job, task, work)
        record = _record(task, result, 0.0)
        _seal(job, task, work, job.key(task), record)
    LOGGER.info("%s %s: fitted in %.1f s", job.name, FINAL, result.seconds)
    return record


def _task(job: Job, name: str, fit: tuple[str, ...], monitor: tuple[str, ...]) -> FoldTask:
    return FoldTask(
        name=name,
        fit=fit,
        monitor=monitor,
        target=job.plan.target,
        seed=job.config.run.seed,
        settings=job.config.training,
    )


def _fit(job: Job, task: FoldTask, work: Path) -> FitResult:
    result = trainer_of(job.spec).fit(job.spec, job.params, job.data, task, work)
    job.fitted.append(task.name)
    _seal(job, task, work, "", {})
    return result


def _seal(job: Job, task: FoldTask, work: Path, key: str, record: dict[str, Any]) -> None:
    card = {**_head(job), **_facts(job), "key": key, "record": record}
    seal(work, {**card, "fit": list(task.fit), "monitor": list(task.monitor)})


def _head(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "model": job.spec.name,
        "family": job.spec.family,
        "preset": job.preset,
        "params": job.params.model_dump(mode="json"),
    }


def _facts(job: Job) -> dict[str, str]:
    return {
        "target": job.plan.target,
        "fingerprint": job.data.spec.fingerprint,
        "plan": fingerprint(job.plan.to_json()),
    }


def _record(task: FoldTask, result: FitResult, predict_seconds: float) -> dict[str, Any]:
    return {
        "name": task.name,
        "eras": len(task.fit),
        "monitor_eras": len(task.monitor),
        "length": task.length,
        "best_epoch": result.best_epoch,
        "best_value": result.best_value,
        "history": {k: [json_number(v) for v in vs] for k, vs in result.history.items()},
        "seconds": round(result.seconds, 3),
        "predict_seconds": round(predict_seconds, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _finished(folder: Path, key: str) -> dict[str, Any] | None:
    try:
        card = read_json(folder / CARD)
    except (FileNotFoundError, ValueError):
        return None
    same = card.get("key") == key and all((folder / name).is_file() for name in card["files"])
    return dict(card["record"]) if same else None


def _fold_dir(job: Job, name: str) -> Path:
    return job.folder / "folds" / name
