"""One model through all folds: out-of-fold predictions, held-out predictions, the live fit."""

from __future__ import annotations

import shutil
import time
from typing import Any

from erazoo.artefacts import CARD
from erazoo.config import Config
from erazoo.publish import make_dir, sweep, write_json
from erazoo.rundir import RunDir
from training.fit import join_final, join_fold
from training.h2o.kept import kept_server
from training.importance import IMPORTANCE, write_importance
from training.job import FINAL, IN_SAMPLE, PREDICTIONS, RESULT, Job, model_stage
from training.predictions import Predictions, gather

SERVER = "server"
"""In a model's folder while it trains: what the server of its fits writes."""


def train_model(config: Config, run: RunDir, name: str) -> dict[str, Any]:
    """Train one configured model on every fold; finished fits are kept and not repeated.

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
    _clear(job)
    with kept_server(job.folder / SERVER):
        records = _fits(job)
    result = {
        **job.head(),
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
    if job.entry.importance != "none":
        outputs.append(write_importance(job))
    if job.plan.held_out is not None:
        outputs.append(job.folder / "held_out.parquet")
    kept = ("name", "model", "family", "status", "seconds", "peak_memory_mb")
    stage.finish(outputs, {k: result[k] for k in kept}, time.monotonic() - begun)
    return {**result, "fitted": job.fitted}


def _fits(job: Job) -> list[dict[str, Any]]:
    """The records of all folds and of the last fit; writes the predictions of the folds."""
    records = [join_fold(job, fold) for fold in job.plan.folds]
    for kind, wanted in (("out_of_fold", "development"), ("held_out", "held_out")):
        folds = [fold for fold in job.plan.folds if fold.kind == wanted]
        if folds:
            parts = [Predictions.load(job.fold_dir(f.name) / PREDICTIONS) for f in folds]
            gather(job.name, kind, parts, job.facts()).save(job.folder / f"{kind}.parquet")
    return [*records, join_final(job)]


def _clear(job: Job) -> None:
    """Remove results that are about to be made anew, and folds that are no longer in the plan."""
    folds = make_dir(job.folder / "folds")
    for folder in (folds, make_dir(job.folder / IN_SAMPLE), job.folder):
        sweep(folder)
    for stale in (RESULT, IMPORTANCE, "out_of_fold.parquet", "held_out.parquet"):
        (job.folder / stale).unlink(missing_ok=True)
    known = {fold.name for fold in job.plan.folds}
    for path in folds.iterdir():
        if path.name not in known:
            shutil.rmtree(path, ignore_errors=True)
