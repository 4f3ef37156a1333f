"""`erazoo ensemble --grid`: train every cell, score all on the same eras, and keep what adds."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ensemble.comparison import references_of
from ensemble.evidence import Evidence, check_objective
from ensemble.grid.cells import Grid, plan_grid
from ensemble.grid.record import CSV, FORMAT, JSON, as_csv, grid_key
from ensemble.grid.selection import Selection, select
from ensemble.members import open_members, own_names
from ensemble.moments import era_moments
from ensemble.nested import eras_before
from ensemble.pool import Pool, open_pool
from erazoo.artefacts import CARD
from erazoo.config import Config
from erazoo.errors import TrainingError
from erazoo.folds import FoldPlan
from erazoo.publish import read_json, sha256, write_json, write_text
from erazoo.rundir import RunDir, Stage
from etl.build import bring_shards, content_of
from scoring.evaluate import CORR, CandidateScores, score_candidates
from scoring.summary import json_number
from training.comparison import Ends, Limits, shared_memory, train_contest
from training.comparison_plan import Contest, side_by_side
from training.job import FINAL, model_dir, model_stage
from training.progress import live_progress
from training.standards import overlap_of
from training.tracking import track
from training.train import forget_model

FOLDER = "grid"
"""In `RUN/ensemble`: ranks and blends, kept so that a killed call goes on."""


def run_grid(
    config: Config, run: RunDir, seconds: float | None = None, *, force: bool = False
) -> dict[str, Any]:
    """Train the cells that are not trained, score them, and select.

    A cell is a model as any other: a job with its time and its share of the memory, finished work
    is kept, and one that fails is a row with its reason. Shards are read where they stand.

    Memory: that of the models that run at once; then that of an ensemble of the cells.

    Args:
        config: the experiment; its `ensemble.grid.of` is not empty.
        run: its run directory.
        seconds: of wall time that each model may take; None for no limit.
        force: train finished cells again.

    Returns:
        The content of `ensemble/grid.json`.

    Raises:
        StaleDataError: there are no shards of this configuration.
        ConfigError: a grid that cannot be made.
        DataError: another member of the ensemble is not trained; nothing is trained then.
        TrainingError: no cell could be trained.
    """
    shards, plan = bring_shards(config, run)
    grid = plan_grid(config, shards.spec)
    if not force and grid_stands(grid, run):
        return {**read_json(run.path("ensemble", JSON)), "skipped": True}
    _check_others(config, run, grid)
    begun = time.monotonic()
    for name in grid.names if force else ():
        forget_model(grid.config, run, name)
    contest = side_by_side(Contest(grid.config, grid.names, {}))
    limits = Limits(seconds, shared_memory(contest))
    with live_progress(run.path("models")):
        ends = train_contest(contest, run, limits, force=force)
    track(grid.config, run, grid.names)
    done = finished_cells(grid, run)
    if not done:
        raise TrainingError(
            "no model of the grid could be trained",
            received="; ".join(dict.fromkeys(reason for _, reason in ends.values())),
        )
    stage = _stage(grid, run)
    stage.forget()
    content = _judged(grid, run, done, ends, plan)
    paths = [run.path("ensemble", name) for name in (JSON, CSV)]
    write_text(paths[1], as_csv(content["rows"]))
    write_json(paths[0], content)
    summary = {"models": len(grid.cells), "kept": content["kept"]}
    stage.finish(paths, summary, time.monotonic() - begun)
    return content


def finished_cells(grid: Grid, run: RunDir) -> tuple[str, ...]:
    """The names of the cells that are trained with this configuration."""
    return tuple(name for name in grid.names if model_stage(grid.config, run, name).done())


def grid_stands(grid: Grid, run: RunDir) -> bool:
    """Whether every cell is trained, and what is kept is selected."""
    return len(finished_cells(grid, run)) == len(grid.cells) and _stage(grid, run).done()


def _check_others(config: Config, run: RunDir, grid: Grid) -> None:
    """Refuse other members of the ensemble that are not there before hours of training."""
    others = tuple(name for name in own_names(config) if name not in grid.names)
    if others:
        section = config.ensemble.model_copy(update={"members": others})
        open_members(config.model_copy(update={"ensemble": section}), run)


def _stage(grid: Grid, run: RunDir) -> Stage:
    section, evaluate = grid.config.ensemble, grid.config.evaluate
    rules = section.model_dump(include={"objective", "judged", "blocks", "rounds", "bags", "grid"})
    settings = {"selection": rules, "target": evaluate.target, "seed": grid.config.run.seed}
    cards = {name: model_dir(run, name) / FINAL / CARD for name in finished_cells(grid, run)}
    inputs = {
        "cells": [[c.name, c.word, c.columns] for c in grid.cells],
        "cards": {name: sha256(card) for name, card in cards.items()},
        "references": [grid.config.data.meta_model, grid.config.data.benchmark],
        "shards": content_of(run),
    }
    return run.stage("grid", settings, inputs)


def _judged(
    grid: Grid, run: RunDir, done: Sequence[str], ends: Ends, plan: FoldPlan
) -> dict[str, Any]:
    """Scores and selection of the finished cells; the content of the record."""
    pool = _pool(grid, run, done)
    check_objective(grid.config.ensemble.objective, pool)
    evidence = Evidence(pool, era_moments(pool), grid.config.run.seed)
    learned = len(pool.eras)
    if plan.held_out is not None:
        learned = eras_before(pool, plan.held_out.validation[0])
    sets = [cell.name for cell in grid.cells if cell.kind == "set" and cell.name in done]
    folder = run.path("ensemble", FOLDER, "judged")
    found = select(grid.config, evidence, sets or pool.names, learned, folder)
    overlap = overlap_of(pool.axis, pool.eras, pool.label_eras)
    scores = score_candidates(
        np.asarray(pool.ranks.T),
        pool.names,
        pool.targets,
        pool.slices,
        references_of(pool),
        overlap,
    )
    shutil.rmtree(run.path("ensemble", FOLDER), ignore_errors=True)
    return {
        "format": FORMAT,
        "key": grid_key(grid.config),
        "of": grid.config.ensemble.grid.of,
        "model": grid.base,
        "target": grid.config.evaluate.target or plan.target,
        "eras": [pool.eras[0], pool.eras[-1], len(pool.eras)],
        "meta_model": pool.meta_model,
        "benchmark": pool.benchmark,
        "learned": [pool.eras[0], pool.eras[learned - 1], learned],
        "kept": list(found.kept),
        "judged": found.judged,
        "difference": {
            "mean": None if found.difference is None else json_number(found.difference),
            "standard_error": None if found.error is None else json_number(found.error),
        },
        "reason": found.reason,
        "rows": _rows(grid, scores, found, ends),
    }


def _pool(grid: Grid, run: RunDir, done: Sequence[str]) -> Pool:
    """The finished cells' predictions, apart from those of the ensemble."""
    section = grid.config.ensemble.model_copy(update={"members": tuple(done), "files": ()})
    config = grid.config.model_copy(update={"ensemble": section})
    members = open_members(config, run)
    return open_pool(config, run, members, "out_of_fold", run.path("ensemble", FOLDER, "pool"))


def _rows(
    grid: Grid, scores: CandidateScores, found: Selection, ends: Mapping[str, tuple[str, str]]
) -> list[dict[str, Any]]:
    """A row a cell, the highest CORR first, and those that failed last."""
    rows = []
    for cell in grid.cells:
        facts = {
            "name": cell.name,
            "kind": cell.kind,
            "features": cell.word,
            "columns": cell.columns,
            "same": list(cell.same),
        }
        if cell.name in scores.names:
            place = scores.names.index(cell.name)
            row = facts | {"status": "ok", "reason": None} | _figures(scores, cell.name)
            row |= {"weight": float(found.weights[place]), "kept": cell.name in found.kept}
        else:
            state, reason = ends.get(cell.name, ("failed", "it has no predictions"))
            row = facts | {"status": state, "reason": reason, "kept": False}
        rows.append(row)
    return sorted(rows, key=lambda row: (row["status"] != "ok", -(row.get(CORR) or 0.0)))


def _figures(scores: CandidateScores, name: str) -> dict[str, float | None]:
    summary = scores.to_json(name)["summary"]
    corr = summary[CORR]
    means = {m: None if summary[m] is None else summary[m]["mean"] for m in ("mmc", "bmc")}
    return {CORR: corr["mean"], "sharpe": corr["sharpe"], **means}
