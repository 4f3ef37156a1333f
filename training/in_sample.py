"""Scores in training: each fold's model on a sample of the eras that it was fitted on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from erazoo.publish import fingerprint, read_json, write_json
from etl.shards import ShardSet
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from scoring.summary import json_number, summarise
from training.task import FoldTask

if TYPE_CHECKING:
    from training.task import BlockPredictor


def sampled_eras(fitted: Sequence[str], most: int) -> tuple[str, ...]:
    """At most `most` of the fitted eras, evenly spaced, the oldest and the newest among them.

    >>> sampled_eras(("0001", "0002", "0003", "0004", "0005"), 3)
    ('0001', '0003', '0005')
    """
    places = np.linspace(0, len(fitted) - 1, min(most, len(fitted)))
    return tuple(fitted[round(float(place))] for place in places)


def in_sample_scores(
    path: Path, key: str, data: ShardSet, task: FoldTask, load: Callable[[], BlockPredictor]
) -> dict[str, Any] | None:
    """CORR of a fold's model on a sample of its own training eras, unless it stands in `path`.

    These scores say how much a model has learned by heart and are used for nothing else. Eras
    that a network watches do not count as fitted.

    Args:
        path: where the scores are kept.
        key: of the fit that they belong to.
        data: the shards.
        task: of the fit; its settings say how many eras are sampled.
        load: gives the fitted model.

    Returns:
        `eras`, `corr` era by era and `seconds`; None where no era is sampled.
    """
    eras = sampled_eras(task.fit, task.settings.scored_train_eras)
    if not eras:
        path.unlink(missing_ok=True)
        return None
    key = fingerprint([key, eras])
    if (record := _read(path, key)) is not None:
        return record
    begun = time.monotonic()
    predictor, column = load(), data.target_index(task.target)
    scores = []
    for block in data.blocks(eras):
        span = EraSlices((block.era,), np.array([0, len(block)]))
        values = np.asarray(predictor(block.features), dtype=np.float32)
        scores.append(float(numerai_corr(values, block.targets[:, column], span)[0, 0]))
    record = {
        "eras": list(eras),
        "corr": [json_number(score) for score in scores],
        "seconds": round(time.monotonic() - begun, 3),
    }
    write_json(path, {"key": key, **record})
    return record


def train_summary(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Mean and spread of the training scores of some folds together.

    The eras are samples of several folds, so no figure that depends on their order is kept.

    Args:
        folds: records of fits, as in `result.json`.

    Returns:
        `eras` and `corr`, its `mean` and `std`; None where no fold has such scores.
    """
    scores = [score for fold in folds for score in (fold.get("train") or {}).get("corr", ())]
    known = np.array([score for score in scores if score is not None], dtype=np.float64)
    if not len(known):
        return None
    summary = summarise(known)[0]
    corr = {"mean": json_number(summary.mean), "std": json_number(summary.std), "eras": len(known)}
    return {"eras": len(known), "corr": corr}


def _read(path: Path, key: str) -> dict[str, Any] | None:
    try:
        record = dict(read_json(path))
    except (FileNotFoundError, ValueError):
        return None
    return record if record.pop("key", None) == key else None
