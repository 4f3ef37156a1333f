"""One fit of one fold: begun, killed and gone on with, and at last sealed with its predictions."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.artefacts import CARD, seal
from erazoo.config import describe
from erazoo.engine.peak import PeakMemory
from erazoo.folds import EraFold
from erazoo.logs import LOGGER
from erazoo.provenance import provenance
from erazoo.publish import PARTIAL, fingerprint, make_dir, read_json, sha256, sweep, write_json
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from scoring.ranks import rank_average
from scoring.summary import json_number, summarise
from training.families import load_model, trainer_of
from training.in_sample import in_sample_scores
from training.job import FINAL, IN_SAMPLE, PREDICTIONS, Job
from training.members import Member
from training.predictions import Predictions
from training.progress import RECORD as PROGRESS
from training.task import STATE, FitResult, FoldTask, predict_eras

BEGUN = "begun.json"
"""Says which fit an unsealed folder is of."""
PASSING = (BEGUN, STATE, PROGRESS)


def fit_fold(job: Job, fold: EraFold, member: Member) -> dict[str, Any]:
    """Fit a member on a fold and predict what the fold validates on, unless that stands.

    A fit that was killed goes on from what its trainer kept.

    Returns:
        The fit's record.
    """
    task, folder = job.task(fold, member), job.fit_dir(fold.name, member)
    key = job.key(task, fold.validation)
    if (record := finished(folder, key)) is not None:
        _tidy(folder)
        LOGGER.info("%s: done already", _label(job, fold.name, member))
        return record
    with PeakMemory() as peak:
        result = _begun(job, task, member, folder, key)
        begun, model = time.monotonic(), load_model(folder, job.data.spec)
        ids, eras, values = predict_eras(model, job.data, fold.validation)
        seconds = time.monotonic() - begun
    made = _predictions(job, fold, ids, eras, values)
    made.save(folder / PREDICTIONS)
    record = _record(task, result, seconds, peak)
    _seal(job, [task], folder, key, record, member, _scores(job, fold, made))
    LOGGER.info("%s: fitted in %.1f s", _label(job, fold.name, member), result.seconds)
    return record


def fit_final(job: Job, member: Member) -> dict[str, Any]:
    """Fit a member on every resolved era, as long as its folds chose, unless that stands.

    Returns:
        The fit's record.
    """
    task = job.final_task(member, _length(job, member))
    folder, key = job.fit_dir(FINAL, member), job.key(task)
    if (record := finished(folder, key)) is not None:
        _tidy(folder)
        LOGGER.info("%s: done already", _label(job, FINAL, member))
        return record
    with PeakMemory() as peak:
        result = _begun(job, task, member, folder, key)
    record = _record(task, result, 0.0, peak)
    _seal(job, [task], folder, key, record, member, None)
    LOGGER.info("%s: fitted in %.1f s", _label(job, FINAL, member), result.seconds)
    return record


def join_fold(job: Job, fold: EraFold) -> dict[str, Any]:
    """All fits of a fold, and where there are several their mean rank, as one model.

    Returns:
        The fold's record, with the scores of its model in training.
    """
    records = [fit_fold(job, fold, member) for member in job.members]
    tasks = [job.task(fold, member) for member in job.members]
    keys = [job.key(task, fold.validation) for task in tasks]
    folder, scored = job.fold_dir(fold.name), replace(tasks[0], target=job.plan.target)
    record, key = records[0], keys[0]
    if len(records) > 1:
        key = fingerprint(keys)
        record = finished(folder, key) or _join(job, fold, tasks, records, key)
    path = job.folder / IN_SAMPLE / f"{fold.name}.json"
    train = in_sample_scores(path, key, job.data, scored, lambda: load_model(folder, job.data.spec))
    return {**record, "train": train}


def join_final(job: Job) -> dict[str, Any]:
    """The fits that predict live data, as one model.

    Returns:
        Their record.
    """
    records = [fit_final(job, member) for member in job.members]
    if len(records) == 1:
        return records[0]
    tasks = [job.final_task(member, _length(job, member)) for member in job.members]
    key, folder = fingerprint([job.key(task) for task in tasks]), job.fold_dir(FINAL)
    if (record := finished(folder, key)) is None:
        record = _joined(job, records)
        _seal(job, tasks, folder, key, record, None, None)
    return record


def finished(folder: Path, key: str) -> dict[str, Any] | None:
    """The record of a sealed fit with this key, None where there is none."""
    try:
        card = read_json(folder / CARD)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    same = card.get("key") == key and all((folder / name).is_file() for name in card["files"])
    return dict(card["record"]) if same else None


def _begun(job: Job, task: FoldTask, member: Member, folder: Path, key: str) -> FitResult:
    """Fit into a folder that holds nothing but what this very fit has left there."""
    if member.name:
        _leave_alone(folder.parent, [other.name for other in job.members])
    if _held(folder) != key:
        for name in (BEGUN, CARD):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        write_json(make_dir(folder) / BEGUN, {"key": key})
    _sweep(folder)
    result = _fit(job, task, folder)
    seal(folder, {**job.head(), **job.facts(), "key": "", "record": {}})
    return result


def _fit(job: Job, task: FoldTask, folder: Path) -> FitResult:
    result = trainer_of(job.spec).fit(job.spec, job.params, job.data, task, folder)
    if task.name not in job.fitted:
        job.fitted.append(task.name)
    return result


def _held(folder: Path) -> str | None:
    """The key of the fit that an unsealed folder is of."""
    try:
        return str(read_json(folder / BEGUN)["key"])
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def _leave_alone(folder: Path, members: Sequence[str]) -> None:
    """Remove what lies beside the members' folders: a model that was alone, or their old mean."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and path.name not in members:
            shutil.rmtree(path, ignore_errors=True)
        elif not path.is_dir():
            path.unlink(missing_ok=True)


def _length(job: Job, member: Member) -> int | None:
    """The median of the best epochs of the development folds."""
    cards = [read_json(job.fit_dir(f.name, member) / CARD) for f in job.plan.development]
    lengths = [e for card in cards if (e := card["record"]["best_epoch"])]
    return round(statistics.median(lengths)) if lengths else None


def _join(
    job: Job, fold: EraFold, tasks: Sequence[FoldTask], records: list[dict[str, Any]], key: str
) -> dict[str, Any]:
    """Average the members' predictions of a fold and seal them beside the members."""
    parts = [Predictions.load(job.fit_dir(fold.name, m) / PREDICTIONS) for m in job.members]
    first, folder = parts[0], job.fold_dir(fold.name)
    values = rank_average([p.values for p in parts], EraSlices.from_labels(first.eras))
    made = _predictions(job, fold, first.ids, first.eras, values)
    made.save(folder / PREDICTIONS)
    record = _joined(job, records)
    _seal(job, tasks, folder, key, record, None, _scores(job, fold, made))
    return record


def _joined(job: Job, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One record of several fits of a fold, which stand in it by name."""
    total = {
        name: round(sum(r[name] for r in records), 3) for name in ("seconds", "predict_seconds")
    }
    named = zip(job.members, records, strict=True)
    return {
        **records[0],
        **total,
        "length": None,
        "best_epoch": None,
        "best_value": None,
        "history": {},
        "peak_memory_mb": max(r["peak_memory_mb"] for r in records),
        "members": [{"member": m.name, "target": m.target, "seed": m.seed, **r} for m, r in named],
    }


def _predictions(
    job: Job,
    fold: EraFold,
    ids: NDArray[np.object_],
    eras: NDArray[np.object_],
    values: NDArray[np.float32],
) -> Predictions:
    kind = "held_out" if fold.kind == "held_out" else "out_of_fold"
    folds = eras.copy()
    folds[:] = fold.name
    return Predictions(job.name, kind, ids, eras, values, folds, job.facts())


def _scores(job: Job, fold: EraFold, made: Predictions) -> dict[str, Any] | None:
    """CORR of a development fold's predictions; that of held-out eras stays unknown."""
    if fold.kind == "held_out":
        return None
    labels = job.data.labels(fold.validation)
    target = labels.targets[:, job.data.target_index(job.plan.target)]
    slices = EraSlices.from_labels(made.eras)
    corr = numerai_corr(made.aligned(labels.ids), target, slices)
    return {"eras": len(slices), "corr": summarise(corr)[0].to_json()}


def _seal(
    job: Job,
    tasks: Sequence[FoldTask],
    folder: Path,
    key: str,
    record: dict[str, Any],
    member: Member | None,
    scores: dict[str, Any] | None,
) -> None:
    """Write the model card, with which a folder is finished; only then its state may go.

    Args:
        job: of the fit.
        tasks: of the fit, or of all that are averaged here.
        folder: of the model.
        key: what it depends on.
        record: what was found.
        member: whose fit this is; None for the mean of all.
        scores: of its predictions.
    """
    card = {
        **job.head(),
        **job.facts(),
        **job.columns(),
        "key": key,
        "record": record,
        "learns": list(dict.fromkeys(task.target for task in tasks)),
        "seeds": list(dict.fromkeys(task.seed for task in tasks)),
        "fit": list(dict.fromkeys(era for task in tasks for era in task.fit)),
        "monitor": list(dict.fromkeys(era for task in tasks for era in task.monitor)),
        "known": list(dict.fromkeys(era for task in tasks for era in task.known)),
        "data": job.data.manifest.facts["content"],
        "config": describe(job.config),
        "scores": scores,
        "provenance": provenance(),
    }
    if member is None:
        card["members"] = {m.name: sha256(folder / m.name / CARD) for m in job.members}
    _sweep(folder)
    seal(folder, card, PASSING)
    _tidy(folder)


def _sweep(folder: Path) -> None:
    """Remove half-written files of a killed process, which are no part of a model."""
    for place in (folder, *(path.parent for path in folder.rglob(f"{PARTIAL}*"))):
        sweep(place)


def _tidy(folder: Path) -> None:
    """Remove what a finished fit needs no more; a kill may have left it there."""
    for name in (BEGUN, PROGRESS):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / STATE, ignore_errors=True)


def _label(job: Job, fold: str, member: Member) -> str:
    return " ".join(part for part in (job.name, fold, member.name) if part)


def _record(
    task: FoldTask, result: FitResult, predict_seconds: float, peak: PeakMemory
) -> dict[str, Any]:
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
        "peak_memory_mb": round(peak.mb),
        **({"members": [dict(one) for one in result.members]} if result.members else {}),
    }
