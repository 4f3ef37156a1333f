"""`erazoo ensemble`: the rank average of a run's models, as predictions and as a recipe."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from erazoo.artefacts import CARD
from erazoo.config import Config
from erazoo.errors import ArtifactError, ConfigError, DataError, StaleDataError
from erazoo.near import nearest
from erazoo.publish import read_json, sha256, write_json
from erazoo.rundir import RunDir, Stage
from etl.build import open_shards
from scoring.eras import EraSlices
from scoring.ranks import rank_average
from training.evaluation import evaluate, source_print
from training.job import FINAL, RESULT, model_dir, model_stage
from training.predictions import Predictions

NAME = "ensemble"
RECIPE = "ensemble.json"


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
    stage = ensemble_stage(config, run)
    recipe_path = run.path("ensemble", RECIPE)
    if not force and stage.done():
        evaluate(config, run)
        return {**read_json(recipe_path), "skipped": True}
    begun = time.monotonic()
    stage.forget()
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


def ensemble_stage(config: Config, run: RunDir) -> Stage:
    """The stage of the blend: its members as they stand now and how they are blended.

    Raises:
        DataError: a member that is not trained with this configuration.
    """
    members = ensemble_members(config, run)
    settings = {"members": list(members), "how": config.ensemble.method}
    inputs = {
        "cards": [sha256(model_dir(run, name) / FINAL / CARD) for name in members],
        "files": [sha256(model_dir(run, name) / "out_of_fold.parquet") for name in members],
    }
    return run.stage("ensemble", settings, inputs)


def blend_stands(config: Config, run: RunDir) -> bool:
    """Whether the models of this very configuration are blended already.

    Raises:
        StaleDataError: there are no shards of this configuration.
        DataError: a member that is not trained with this configuration.
    """
    open_shards(config, run)
    return ensemble_stage(config, run).done()


def open_recipe(config: Config, run: RunDir) -> dict[str, Any]:
    """The recipe of the ensemble that this very configuration made.

    Raises:
        StaleDataError: there is none, or it was made of other members.
        ArtifactError: it is damaged.
    """
    if not run.path("ensemble", RECIPE).is_file():
        raise StaleDataError(f"there is no ensemble in {run.root}", hint="Run `erazoo ensemble`")
    if not ensemble_stage(config, run).done():
        raise StaleDataError(
            f"the ensemble in {run.root} was made of other members or settings",
            hint="Run `erazoo ensemble`",
        )
    try:
        return dict(read_json(run.path("ensemble", RECIPE)))
    except ValueError:
        raise ArtifactError("the ensemble's recipe is damaged", received=str(run.root)) from None


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
        _check_trained(config, run, name)
    return members


def _check_trained(config: Config, run: RunDir, name: str) -> None:
    path = model_dir(run, name) / RESULT
    result = read_json(path) if path.exists() else {"reason": "no result of this configuration"}
    if not model_stage(config, run, name).done():
        raise DataError(
            f"the ensemble's member {name!r} is not trained with this configuration",
            received=result["reason"] or "results of another one, or incomplete",
            hint=f"Run `erazoo train {name}`, disable it or leave it out of ensemble.members",
        )


def _blend(kind: str, paths: Mapping[str, Path], weights: Mapping[str, float]) -> Predictions:
    first = Predictions.load(next(iter(paths.values())))
    columns = {}
    for name, path in paths.items():
        one = Predictions.load(path)
        _check_alike(name, one, first, kind)
        columns[name] = one.aligned(first.ids)
    slices = EraSlices.from_labels(first.eras)
    values = rank_average(list(columns.values()), slices, [weights[name] for name in columns])
    sources = source_print(list(paths.values()))
    facts = {**first.facts, "members": ",".join(paths), "sources": sources}
    return Predictions(NAME, kind, first.ids, first.eras, values, first.folds, facts)


def _check_alike(name: str, one: Predictions, first: Predictions, kind: str) -> None:
    if one.kind != kind:
        raise DataError(
            f"the predictions of {name!r} are of another origin", received=one.kind, expected=kind
        )
    for fact in ("target", "fingerprint", "plan"):
        if one.facts.get(fact) != first.facts.get(fact):
            raise DataError(
                f"the predictions of {name!r} have another {fact}",
                received=one.facts.get(fact),
                expected=first.facts.get(fact),
                hint=f"Run `erazoo train {name}` again",
            )
    if len(one.ids) != len(first.ids) or bool((one.ids != first.ids).any()):
        raise DataError(
            f"the predictions of {name!r} and {first.name!r} cover different rows",
            received=f"{len(one.ids)} and {len(first.ids)} rows",
            expected="the same rows in the same order",
            hint="Train the members on the same folds",
        )
