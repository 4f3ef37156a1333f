"""Scores in training: each fold's model on a sample of the eras that it was fitted on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from erazoo.panel import EraBlock
from erazoo.publish import fingerprint, read_json, write_json
from etl.shards import ShardSet
from scoring.contribution import mmc
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from scoring.regression import regression_errors
from scoring.summary import json_number, summarise
from training.task import FoldTask

if TYPE_CHECKING:
    from training.task import BlockPredictor


METRICS = ("corr", "rmse", "contribution")


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
    """Scores of a fold's model on a sample of its own training eras, unless in `path`.

    These scores say how much a model has learned by heart and are used for nothing else. Eras
    that a network watches do not count as fitted.

    Args:
        path: where the scores are kept.
        key: of the fit that they belong to.
        data: the shards.
        task: of the fit; its settings say how many eras are sampled.
        load: gives the fitted model.

    Returns:
        `eras`, `corr` and `rmse` era by era, `contribution` (beyond each reference of the data by
        name, None in eras without it), and `seconds`; None where no era is sampled.
    """
    eras = sampled_eras(task.fit, task.settings.scored_train_eras)
    if not eras:
        path.unlink(missing_ok=True)
        return None
    key = fingerprint([key, eras, METRICS])
    if (record := _read(path, key)) is not None:
        return record
    begun = time.monotonic()
    predictor, column = load(), data.target_index(task.target)
    found = [
        _era_scores(data, block, predictor(block.features), column) for block in data.blocks(eras)
    ]
    record = {
        "eras": list(eras),
        "corr": [json_number(corr) for corr, _, _ in found],
        "rmse": [json_number(rmse) for _, rmse, _ in found],
        "contribution": {
            name: [json_number(beyond[name]) for _, _, beyond in found] for name in data.references
        },
        "seconds": round(time.monotonic() - begun, 3),
    }
    write_json(path, {"key": key, **record})
    return record


def train_summary(
    folds: Sequence[Mapping[str, Any]], references: Mapping[str, str | None]
) -> dict[str, Any] | None:
    """Mean and spread of the training scores of some folds together.

    The eras are samples of several folds, so no figure that depends on their order is kept.

    Args:
        folds: records of fits, as in `result.json`.
        references: by metric (`mmc`, `bmc`), what it is taken against.

    Returns:
        `eras`, `corr` (its `mean` and `std`), the same of each metric in `references`, and `rmse`
        (over the eras, each counting once; of raw predictions, whatever their scale). None stands
        for what no era has, and is returned where no fold has such scores.
    """
    records = [record for fold in folds if (record := fold.get("train"))]
    known = _values(record["corr"] for record in records)
    if not len(known):
        return None
    errors = _values(record.get("rmse", ()) for record in records)
    beyond = {
        metric: _spread(_values(r.get("contribution", {}).get(name, ()) for r in records))
        for metric, name in references.items()
    }
    rmse = float(np.sqrt(np.mean(errors**2))) if len(errors) else None
    return {"eras": len(known), "corr": _spread(known), **beyond, "rmse": rmse}


def _era_scores(
    data: ShardSet, block: EraBlock, values: Any, column: int
) -> tuple[float, float, dict[str, float]]:
    """CORR, RMSE, and the contribution beyond each reference, of an era's predictions."""
    made, goal = np.asarray(values, dtype=np.float32), block.targets[:, column]
    span = EraSlices((block.era,), np.array([0, len(block)]))
    beyond = {
        name: float(mmc(made, block.references[:, k], goal, span)[0, 0])
        for k, name in enumerate(data.references)
    }
    corr = float(numerai_corr(made, goal, span)[0, 0])
    return corr, float(regression_errors(made, goal, span).rmse[0, 0]), beyond


def _spread(known: NDArray[np.float64]) -> dict[str, Any] | None:
    if not len(known):
        return None
    summary = summarise(known)[0]
    return {"mean": json_number(summary.mean), "std": json_number(summary.std), "eras": len(known)}


def _values(parts: Iterable[Iterable[float | None]]) -> NDArray[np.float64]:
    """The known scores of all folds' sampled eras, (n,)."""
    return np.array([v for part in parts for v in part if v is not None], dtype=np.float64)


def _read(path: Path, key: str) -> dict[str, Any] | None:
    try:
        record = dict(read_json(path))
    except (FileNotFoundError, ValueError):
        return None
    return record if record.pop("key", None) == key else None
