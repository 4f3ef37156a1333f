"""What a walk leaves in its run: predictions, weights and a record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ensemble.meta.forward import turnover
from ensemble.pool import Pool
from ensemble.publication import recipe_folder
from ensemble.recipe import STANDARD
from ensemble.walk.case import WalkCase
from ensemble.walk.judge import PAIRS, Lived, candidates_json, difference, score_walk, verdict
from ensemble.walk.plan import WalkPlan
from ensemble.walk.record import BLEND, FORMAT, WEIGHTS, walk_folder, walk_record
from erazoo.publish import fingerprint, write_json
from training.predictions import Predictions
from training.standards import overlap_of


def publish(case: WalkCase, plan: WalkPlan, pool: Pool, lived: Lived) -> list[Path]:
    """Write predictions, weights and the record, which says that the rest stands.

    Args:
        case: the walk.
        plan: its course.
        pool: the walked eras with all targets.
        lived: what was predicted.

    Returns:
        The files.
    """
    folder = walk_folder(case.run)
    ensemble = Predictions.load(recipe_folder(case.run, STANDARD) / "out_of_fold.parquet")
    scores = score_walk(lived, pool, case.names, ensemble.aligned(pool.ids))
    paths = [_save(case, plan, pool, "walk", lived.blend, folder / BLEND)]
    for name, values in zip(case.names, lived.models, strict=True):
        paths.append(_save(case, plan, pool, name, values, folder / "models" / name / BLEND))
    overlap = overlap_of(pool.axis, pool.eras, pool.label_eras)
    pairs = [difference(scores, one, other, overlap) for one, other in PAIRS]
    weights = [None if np.isnan(row).any() else row.tolist() for row in lived.weights]
    walk = case.config.ensemble.walk
    moved = None if np.isnan(lived.weights).any() else turnover(lived.weights)
    record = {
        "format": FORMAT,
        "members": list(case.names),
        "left_out": case.refused,
        "learns": {model.name: model.describe() for model in case.models},
        "settings": walk.model_dump(mode="json"),
        "target": case.config.evaluate.target or case.folds.target,
        "eras": list(plan.eras),
        "purge": case.purge,
        "updates": [
            {"era": plan.eras[u.place], "new": len(u.new), "newest": u.window[-1]}
            for u in plan.updates
        ],
        "held": case.held(plan),
        "meta_model": pool.meta_model,
        "benchmark": pool.benchmark,
        "candidates": candidates_json(scores),
        "differences": pairs,
        "turnover": moved,
        "verdict": verdict(pairs[0]),
    }
    table = {"members": list(case.names), "eras": list(plan.eras), "method": walk.method}
    write_json(folder / WEIGHTS, {**table, "weights": weights})
    write_json(walk_record(case.run), record)
    return [*paths, folder / WEIGHTS, walk_record(case.run)]


def _save(case: WalkCase, plan: WalkPlan, pool: Pool, name: str, values: Any, path: Path) -> Path:
    counts = pool.slices.counts
    updates = [f"update-{plan.update_of(place)}" for place in range(len(plan.eras))]
    facts = {
        "target": case.folds.target,
        "fingerprint": case.shards.spec.fingerprint,
        "plan": fingerprint(case.folds.to_json()),
    }
    eras, folds = (
        np.repeat(np.array(column, dtype=object), counts) for column in (plan.eras, updates)
    )
    Predictions(name, "out_of_fold", pool.ids, eras, values, folds, facts).save(path)
    return path
