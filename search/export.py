"""`erazoo mine export`: configurations reproduced, and trained again on every resolved era."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from erazoo.artefacts import CARD, open_sealed, seal
from erazoo.config import Config
from erazoo.engine.limits import SPIN
from erazoo.errors import ConfigError, StaleDataError
from erazoo.folds import FoldPlan
from erazoo.logs import LOGGER
from erazoo.provenance import provenance
from erazoo.publish import fingerprint, make_dir, read_json, sha256, sweep, write_json
from erazoo.rundir import RunDir
from etl.build import FOLDS, bring_shards
from etl.shards import ShardSet
from search.exports import EXPORT
from search.folder import MineDir
from search.refit import HELD_OUT, fold_record, refit_job
from search.reproduction import check_reproduced
from search.results import Configuration, Result
from search.scores import FIGURES, PARTS, Mined, score
from search.table import ALIKE
from training.fit import join_final, join_fold
from training.job import PREDICTIONS, RESULT, Job
from training.predictions import Predictions, gather

BEGUN = "export.json"
"""Says what an unfinished export depends on."""


@dataclass(frozen=True)
class _Study:
    """A study whose configurations are exported.

    Attributes:
        config: the experiment.
        mined: what the study has found.
        data: the shards.
        folds: those of the study as a record for trained models.
    """

    config: Config
    mined: Mined
    data: ShardSet
    folds: FoldPlan

    @classmethod
    def open(cls, config: Config, run: RunDir) -> _Study:
        mined = Mined.open(MineDir.of(config, run))
        data, folds = bring_shards(config, run)
        content = data.manifest.facts["content"]
        if mined.plan.content != content:
            raise StaleDataError(
                f"the study {mined.plan.name!r} was mined on other shards",
                received=content,
                expected=mined.plan.content,
                hint="Mine again, under another mine.name",
            )
        return cls(config, mined, data, fold_record(mined.plan, folds))

    @property
    def root(self) -> Path:
        return self.mined.folder.root / EXPORT


@dataclass(frozen=True)
class _Chosen:
    """A configuration of a study, and where its export lies."""

    study: _Study
    result: Result
    one: Configuration

    @property
    def folder(self) -> Path:
        return self.study.root / self.one.id

    @property
    def key(self) -> str:
        """What the export depends on."""
        study = self.study
        return fingerprint([study.mined.plan.key, study.folds.to_json(), self.one.id])

    @property
    def job(self) -> Job:
        study, plan = self.study, self.study.mined.plan
        return refit_job(
            study.config, plan, self.result, self.one, study.data, study.folds, self.folder
        )


def export(
    config: Config,
    run: RunDir,
    ids: Sequence[str],
    weights: Sequence[float] | None = None,
    *,
    force: bool = False,
) -> dict[str, Any]:
    """Export configurations of the study that `mine.name` names, and several as an ensemble too.

    Each is trained again on the study's folds, which must give the predictions that mining kept, to
    1e-6; then for the held-out eras, whose predictions are written and not looked at, and on every
    resolved era. An ensemble takes it as a member (`ensemble.files`). What stands is kept, and a
    killed call is gone on with.

    Args:
        config: the experiment, with the settings that the study was mined with.
        run: its run directory.
        ids: of configurations, or how they begin.
        weights: of the ensemble, one an id; equal where None.
        force: make anew what stands.

    Returns:
        `study`; `exports`, a card each with its `path`; `ensemble`, the card of several, else None.

    Raises:
        ConfigError: an id that stands twice, or other weights than ids.
        StaleDataError: there is no such study or id, or it was mined on other shards.
        ArtifactError: predictions that are not reproduced.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN)
    study = _Study.open(config, run)
    chosen = [_Chosen(study, *study.mined.find(text)) for text in ids]
    shares = _shares([each.one.id for each in chosen], weights)
    for each in chosen if force else ():
        shutil.rmtree(each.folder, ignore_errors=True)
    cards = [_export_one(each) for each in chosen]
    blend = _export_blend(study, shares) if len(chosen) > 1 else None
    return {"study": study.mined.plan.name, "exports": cards, "ensemble": blend}


def _shares(ids: Sequence[str], weights: Sequence[float] | None) -> dict[str, float]:
    """The weight of each configuration; together they are 1."""
    given = [1.0] * len(ids) if weights is None else list(weights)
    if not ids or len(set(ids)) < len(ids):
        raise ConfigError(
            "an export names configurations, each once", received=", ".join(ids) or "none"
        )
    if len(given) != len(ids) or not all(np.isfinite(w) and w > 0 for w in given):
        raise ConfigError(
            "an export has a weight above 0 for each configuration",
            received=f"{len(ids)} configurations, weights {given}",
        )
    return {name: weight / sum(given) for name, weight in zip(ids, given, strict=True)}


def _export_one(chosen: _Chosen) -> dict[str, Any]:
    """The card of a configuration's export, which is made unless it stands."""
    folder, key = chosen.folder, chosen.key
    if _held(folder / CARD) == key:
        LOGGER.info("export %s: done already", chosen.one.id)
        return {**open_sealed(folder), "path": str(folder), "skipped": True}
    if _held(folder / BEGUN) != key:
        shutil.rmtree(folder, ignore_errors=True)
        write_json(make_dir(folder) / BEGUN, {"key": key})
    (folder / CARD).unlink(missing_ok=True)
    sweep(folder)
    job = chosen.job
    records, difference = _fits(chosen, job)
    _write_result(job, records)
    seal(folder, _card(chosen, job, difference), (BEGUN,))
    (folder / BEGUN).unlink()
    LOGGER.info("export %s: it lies in %s", chosen.one.id, folder)
    return {**open_sealed(folder), "path": str(folder)}


def _fits(chosen: _Chosen, job: Job) -> tuple[list[dict[str, Any]], float]:
    """Every fit and its predictions: their records, and how far the folds are from what was mined.

    Raises:
        ArtifactError: too far; nothing is trained on other eras then.
    """
    folds = chosen.study.folds
    write_json(chosen.folder / FOLDS, folds.to_json())
    records = [join_fold(job, fold) for fold in folds.development]
    parts = [Predictions.load(job.fold_dir(fold.name) / PREDICTIONS) for fold in folds.development]
    difference = check_reproduced(chosen.study.mined, chosen.result, chosen.one, parts)
    gather(job.name, "out_of_fold", parts, job.facts()).save(chosen.folder / "out_of_fold.parquet")
    if folds.held_out is not None:
        records.append(join_fold(job, folds.held_out))
        made = Predictions.load(job.fold_dir(folds.held_out.name) / PREDICTIONS)
        gather(job.name, HELD_OUT, [made], job.facts()).save(chosen.folder / f"{HELD_OUT}.parquet")
    return [*records, join_final(job)], difference


def _write_result(job: Job, records: Sequence[Mapping[str, Any]]) -> None:
    seconds = {
        "fit": round(sum(record["seconds"] for record in records), 3),
        "predict": round(sum(record["predict_seconds"] for record in records), 3),
    }
    content = {**job.head(), "status": "ok", "reason": None, "seconds": seconds}
    write_json(job.folder / RESULT, {**content, "folds": list(records)})


def _card(chosen: _Chosen, job: Job, difference: float) -> dict[str, Any]:
    mined = chosen.study.mined
    return {
        **job.head(),
        **job.facts(),
        "key": chosen.key,
        "id": chosen.one.id,
        "study": mined.plan.name,
        "sets": chosen.result.features,
        "features": list(job.data.spec.names),
        "learned": chosen.result.target,
        "seed": chosen.result.seed,
        "scores": _scores(mined, chosen.one.id),
        "configurations": len(mined.configurations),
        "difference": difference,
        "data": mined.plan.content,
        "provenance": provenance(),
    }


def _scores(mined: Mined, name: str) -> dict[str, Any]:
    """What `scores.parquet` holds of a configuration, by part."""
    table = score(mined.folder)
    row = table.row(table["id"].to_list().index(name), named=True)
    parts = {part: {figure: row[f"{part}_{figure}"] for figure in FIGURES} for part in PARTS}
    return {**parts, **{alike: row[alike] for alike in ALIKE}}


def _export_blend(study: _Study, shares: Mapping[str, float]) -> dict[str, Any]:
    """Write the card of an ensemble: which exports it holds, and their weights."""
    pairs = sorted(shares.items())
    name = f"ensemble-{fingerprint(pairs)[:12]}"
    models = [
        {"id": one, "weight": share, "card": sha256(study.root / one / CARD)}
        for one, share in pairs
    ]
    plan = study.mined.plan
    card = {"id": name, "study": plan.name, "target": plan.target, "models": models}
    folder = make_dir(study.root / name)
    seal(folder, card)
    return {**card, "path": str(folder)}


def _held(path: Path) -> str | None:
    """The key in a card, or in the record of an unfinished export."""
    try:
        return str(read_json(path)["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
