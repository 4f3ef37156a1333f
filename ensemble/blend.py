"""`erazoo ensemble`: the rank average of a run's models, as predictions and as a recipe."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.artefacts import CARD
from erazoo.config import Config
from erazoo.errors import ConfigError, DataError
from erazoo.near import nearest
from erazoo.publish import read_json, sha256, write_json
from erazoo.rundir import RunDir
from etl.build import open_shards
from scoring.eras import EraSlices
from scoring.ranks import era_ranks
from training.evaluation import evaluate
from training.loop import FINAL, RESULT, model_dir
from training.predictions import Predictions

NAME = "ensemble"
RECIPE = "ensemble.json"


def rank_average(
    columns: Mapping[str, NDArray[np.float32]],
    weights: Mapping[str, float],
    slices: EraSlices,
) -> NDArray[np.float32]:
    """The weighted mean of per-era ranks, (n,) in (0, 1).

    A row that lacks a member's prediction gets none (NaN), because the mean of the others would
    be on another scale.
    """
    total = np.zeros(slices.rows, dtype=np.float64)
    for name, values in columns.items():
        total += weights[name] * era_ranks(values, slices)
    return np.asarray(total / sum(weights.values()), dtype=np.float32)


def ensemble(config: Config, run: RunDir, *, force: bool = False) -> dict[str, Any]:
    """Blend the members' predictions, write the recipe for live data and score the result.

    Memory: one float32 column a member and the identifiers of the scored eras.

    Returns:
        The recipe with the blend's scores.

    Raises:
        ConfigError: a member that the configuration lacks.
        DataError: a member that is not trained, or whose training failed.
    """
    shards, plan = open_shards(config, run)
    members = ensemble_members(config, run)
    cards = {name: sha256(model_dir(run, name) / FINAL / CARD) for name in members}
    files = {
        kind: {name: model_dir(run, name) / f"{kind}.parquet" for name in members}
        for kind in ("out_of_fold", "held_out")
    }
    prints = [sha256(path) for path in files["out_of_fold"].values()]
    stage = run.stage("ensemble", {"cards": cards, "files": prints, "how": config.ensemble.method})
    recipe_path = run.path("ensemble", RECIPE)
    if not force and stage.done():
        evaluate(config, run)
        return {**read_json(recipe_path), "skipped": True}
    begun = time.monotonic()
    weights = dict.fromkeys(members, 1.0)
    outputs = [recipe_path]
    for kind, paths in files.items():
        if kind == "held_out" and plan.held_out is None:
            continue
        blend = _blend(kind, paths, weights)
        outputs.append(run.path("ensemble", f"{kind}.parquet"))
        blend.save(outputs[-1])
    recipe = {
        "name": NAME,
        "method": config.ensemble.method,
        "target": plan.target,
        "fingerprint": shards.spec.fingerprint,
        "members": [
            {"name": n, "weight": weights[n], "path": f"models/{n}/{FINAL}", "card": cards[n]}
            for n in members
        ],
    }
    write_json(recipe_path, recipe)
    stage.finish(outputs, {"members": list(members)}, time.monotonic() - begun)
    evaluate(config, run)
    return recipe


def ensemble_members(config: Config, run: RunDir) -> tuple[str, ...]:
    """The models that are blended: those configured, else all enabled ones; each must stand.

    Raises:
        ConfigError: an unknown member, or none.
        DataError: a member without a finished training; an ensemble never leaves one out silently.
    """
    members = config.ensemble.members
    members = members or tuple(n for n, entry in config.models.items() if entry.enabled)
    if not members:
        raise ConfigError("there is no model to blend", hint="Add a table such as [models.ridge]")
    for name in members:
        if name not in config.models:
            raise ConfigError(
                "the ensemble names a model that is not configured",
                received=name,
                expected=nearest(name, config.models),
            )
        _check_trained(run, name)
    return members


def _check_trained(run: RunDir, name: str) -> None:
    path = model_dir(run, name) / RESULT
    result = read_json(path) if path.exists() else {"status": "missing", "reason": "never trained"}
    needed = (model_dir(run, name) / "out_of_fold.parquet", model_dir(run, name) / FINAL / CARD)
    absent = [file for file in needed if not file.is_file()]
    if result["status"] != "ok" or absent:
        raise DataError(
            f"the ensemble's member {name!r} is not trained",
            received=result["reason"] or f"no {absent[0]}",
            hint=f"Run `erazoo train {name}`, disable it or leave it out of ensemble.members",
        )


def _blend(kind: str, paths: Mapping[str, Path], weights: Mapping[str, float]) -> Predictions:
    loaded = {name: Predictions.load(path) for name, path in paths.items()}
    first = max(loaded.values(), key=lambda predictions: len(predictions.ids))
    for name, predictions in loaded.items():
        _check_alike(name, predictions, first, kind)
    columns = {name: p.aligned(first.ids) for name, p in loaded.items()}
    slices = EraSlices.from_labels(first.eras)
    values = rank_average(columns, weights, slices)
    facts = {**first.facts, "members": ",".join(loaded)}
    return Predictions(NAME, kind, first.ids, first.eras, values, first.folds, facts)


def _check_alike(name: str, one: Predictions, first: Predictions, kind: str) -> None:
    if one.kind != kind:
        raise DataError(
            f"the predictions of {name!r} are of another origin", received=one.kind, expected=kind
        )
    for fact in ("target", "fingerprint"):
        if one.facts.get(fact) != first.facts.get(fact):
            raise DataError(
                f"the predictions of {name!r} have another {fact}",
                received=one.facts.get(fact),
                expected=first.facts.get(fact),
                hint=f"Run `erazoo train {name}` again",
            )
    if len(one.ids) != len(first.ids):
        raise DataError(
            f"the predictions of {name!r} cover other rows",
            received=f"{len(one.ids)} rows",
            expected=f"{len(first.ids)}, as {first.name!r}",
            hint="Train the members on the same folds",
        )


def member_names(recipe: Mapping[str, Any]) -> Sequence[str]:
    """The members of a recipe, in order."""
    return [str(member["name"]) for member in recipe["members"]]
