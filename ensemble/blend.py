"""`erazoo ensemble`: members to a pool, every method judged on later eras, and the recipes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ensemble.evidence import Evidence
from ensemble.grid.record import with_grid
from ensemble.members import Member, open_members
from ensemble.meta.lived import walk_file, write_walk
from ensemble.methods import META, chosen_methods
from ensemble.moments import era_moments
from ensemble.pool import open_pool
from ensemble.publication import METHODS_FILE, UNIQUE_REPORT, Publication, recipe_folder
from ensemble.recipe import RECIPE, STANDARD, UNIQUE, Recipe, read_recipe
from ensemble.verdict import decide
from ensemble.walk.record import walk_record
from erazoo.artefacts import CARD
from erazoo.config import Config
from erazoo.errors import StaleDataError
from erazoo.folds import FoldPlan
from erazoo.logs import LOGGER
from erazoo.publish import read_json, sha256, sweep
from erazoo.rundir import RunDir, Stage
from etl.build import FOLDS, SHARDS, open_shards
from etl.shards import Manifest
from training.evaluation import evaluate

KINDS = ("out_of_fold", "held_out")
KEPT = ("pool", "judged")
"""Folders of what a killed call goes on with."""
ELSEWHERE = frozenset({"walk", "grid"})
"""Parts of [ensemble] that no recipe depends on."""


def ensemble(config: Config, run: RunDir, *, force: bool = False) -> dict[str, Any]:
    """Judge every method on later eras, write the recipes and the predictions, and score them.

    A killed call is gone on with; `force` begins anew.

    Memory: ids and labels of the scored eras, one era of all members' ranks, their moments (4 M M
    bytes an era) and a float32 column a method.

    Returns:
        `recipe`, `methods` (the content of `ensemble/methods.json`), and `unique` where it is on.

    Raises:
        ConfigError: an unknown member, method or option.
        StaleDataError: there are no shards of this configuration, or its grid is not trained.
        DataError: a member that is not trained, or members of different rows.
        LeakageError: in-sample predictions, or too few eras.
    """
    config = with_grid(config, run, needed=True)
    shards, plan = open_shards(config, run)
    chosen_methods(config)
    members = open_members(config, run)
    stage = ensemble_stage(config, run, members)
    if not force and stage.done():
        evaluate(config, run)
        return {**_made(run), "skipped": True}
    begun = time.monotonic()
    stage.forget()
    walk_record(run).unlink(missing_ok=True)
    for name in KEPT if force else ():
        shutil.rmtree(run.path("ensemble", name), ignore_errors=True)
    for folder in run.path("ensemble").glob("**/"):
        sweep(folder)
    pool = open_pool(config, run, members, "out_of_fold")
    for root in dict.fromkeys(member.run for member in members):
        if _learns_later(FoldPlan.from_json(read_json(root / FOLDS))):
            LOGGER.warning(
                "the folds of %s learn from later eras than they predict: what is judged is out of "
                "fold, but nobody could have lived it",
                root,
            )
    evidence = Evidence(pool, era_moments(pool), config.run.seed)
    verdict = decide(config, run, evidence)
    outputs = Publication(config, run, members, shards, plan, evidence, verdict).write()
    outputs += _walked(config, run, evidence, judged=verdict.comparison is not None)
    summary = {"members": [member.name for member in members], "method": verdict.method}
    stage.finish(outputs, summary, time.monotonic() - begun)
    evaluate(config, run)
    return _made(run)


def ensemble_stage(config: Config, run: RunDir, members: Sequence[Member] | None = None) -> Stage:
    """The stage of the ensemble: its members as they stand now and how they are combined.

    Raises:
        DataError: a member that is not trained with this configuration.
    """
    members = open_members(config, run) if members is None else members
    manifest = Manifest.load(run.path(SHARDS))
    references = (config.data.meta_model, config.data.benchmark, *config.evaluate.against)
    settings = {
        "ensemble": config.ensemble.model_dump(mode="json", exclude=set(ELSEWHERE)),
        "target": config.evaluate.target,
        "references": [name for name in references if name in manifest.references],
        "seed": config.run.seed,
    }
    inputs = {
        "members": [member.name for member in members],
        "cards": [sha256(member.final / CARD) for member in members],
        "files": [sha256(m.file(k)) for m in members for k in KINDS if m.file(k).is_file()],
        "shards": str(manifest.facts["content"]),
    }
    return run.stage("ensemble", settings, inputs)


def blend_stands(config: Config, run: RunDir) -> bool:
    """Whether the members of this very configuration are combined already.

    Raises:
        StaleDataError: there are no shards of this configuration.
        DataError: a member that is not trained with this configuration.
    """
    open_shards(config, run)
    return ensemble_stage(with_grid(config, run), run).done()


def open_recipe(config: Config, run: RunDir, name: str = STANDARD) -> Recipe:
    """The recipe of the ensemble that this very configuration made.

    Args:
        config: the experiment.
        run: its run directory.
        name: `ensemble` or `unique`.

    Raises:
        StaleDataError: there is none, or it was made of other members.
        ArtifactError: it is damaged.
    """
    folder = recipe_folder(run, name)
    if not (folder / RECIPE).is_file():
        raise StaleDataError(f"there is no ensemble in {run.root}", hint="Run `erazoo ensemble`")
    if not ensemble_stage(with_grid(config, run), run).done():
        raise StaleDataError(
            f"the ensemble in {run.root} was made of other members or settings",
            hint="Run `erazoo ensemble`, or give what it was made with: --config "
            f"{run.path('config.json')}",
        )
    return read_recipe(folder, run.root)


def _learns_later(plan: FoldPlan) -> bool:
    """Whether a fold learns from eras behind one that it validates on, as k-fold splits do."""
    place = {era: k for k, era in enumerate(plan.axis)}
    return any(place[f.train[-1]] > place[f.validation[0]] for f in plan.development)


def _walked(config: Config, run: RunDir, evidence: Evidence, *, judged: bool) -> list[Path]:
    """Walk the meta-learner forward where it takes part; an older walk does not stay."""
    walk_file(run).unlink(missing_ok=True)
    taking_part = {method.name for method in chosen_methods(config)}
    if not judged or META not in taking_part:
        return []
    return [write_walk(config, run, evidence)]


def _made(run: RunDir) -> dict[str, Any]:
    unique = recipe_folder(run, UNIQUE) / UNIQUE_REPORT
    return {
        "recipe": read_json(run.path("ensemble", RECIPE)),
        "methods": read_json(run.path("ensemble", METHODS_FILE)),
        "unique": read_json(unique) if unique.is_file() else None,
        "meta": read_json(walk_file(run)) if walk_file(run).is_file() else None,
    }
