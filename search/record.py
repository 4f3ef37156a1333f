"""`record.json`: all that the page of a study and the run's report show of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from erazoo.folds import EraFold, FoldPlan
from erazoo.publish import write_json
from search.against import GAIN, Comparison, compare
from search.clusters import cluster
from search.folder import MineDir
from search.plan import Plan
from search.progress import progress
from search.scores import FIGURES, PARTS, Mined, read_scores
from search.table import ALIKE

if TYPE_CHECKING:
    import polars as pl

FORMAT = 1
DRAWN = 3000
"""Configurations whose parameters are drawn, evenly of all in the order of their scores."""
BEST, CLUSTERED = 20, 24
FACTS = ("id", "trial", "target", "features", "trees")
SCORES = tuple(f"{part}_{name}" for part in PARTS for name in FIGURES)


def write_record(folder: MineDir) -> Comparison:
    """Compare a study with its benchmark, and write what is found to `record.json`.

    Raises:
        StaleDataError: nothing was mined there, or the benchmark is not trained yet.
    """
    found, record = record_of(folder)
    write_json(folder.record, record)
    return found


def record_of(folder: MineDir) -> tuple[Comparison, dict[str, Any]]:
    """The comparison of a study with its benchmark, and the content of `record.json`.

    Raises:
        StaleDataError: nothing was mined there, or the benchmark is not trained yet.
    """
    found = compare(folder)
    return found, _record(folder, found)


def _record(folder: MineDir, found: Comparison) -> dict[str, Any]:
    mined, far = Mined.open(folder), progress(folder)
    table = read_scores(folder)
    table = table.filter(~table["benchmark"])
    figure = f"validation_{found.objective}"
    ranked = table.filter(table[figure].is_not_null()).sort(
        [figure, "id"], descending=[True, False]
    )
    counts = ("state", "trials", "finished", "pruned", "failed", "configurations")
    compared = {k: v for k, v in found.to_json().items() if k != "winners"}
    return {
        "format": FORMAT,
        **compared,
        "model": mined.plan.model,
        "target": mined.plan.target,
        "targets": list(mined.plan.targets),
        "progress": {name: getattr(far, name) for name in counts},
        "best": _rows(ranked.head(BEST)),
        "beaten": len(found.winners),
        "winners": _rows(found.winners.head(BEST)),
        "scored": _trials(table, found, figure),
        "parameters": _parameters(ranked, mined.plan, figure),
        "clusters": _clusters(mined, list(ranked["id"].head(CLUSTERED))),
        "folds": fold_plan(mined.plan).to_json(),
        "test": list(mined.plan.folds.test),
    }


def fold_plan(plan: Plan) -> FoldPlan:
    """The folds of a study as those of an experiment, with the eras that mining leaves alone."""
    folds = [
        EraFold(one.name, "development", one.train, one.predicted, one.purged)
        for one in plan.folds.folds
    ]
    if plan.folds.held_out:
        folds.append(EraFold("held out", "held_out", (), plan.folds.held_out, ()))
    known = plan.folds
    return FoldPlan(
        plan.target,
        known.label_eras,
        known.purge,
        known.embargo,
        known.axis,
        tuple(folds),
        (),
    )


def _rows(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Scores and facts of configurations, their parameters as one mapping."""
    kept = [name for name in (*FACTS, *SCORES, *ALIKE, *GAIN) if name in table.columns]
    return [
        {**{name: row[name] for name in kept}, "params": _params(row)} for row in table.to_dicts()
    ]


def _params(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix("param."): value
        for name, value in row.items()
        if name.startswith("param.") and value is not None
    }


def _trials(table: pl.DataFrame, found: Comparison, figure: str) -> dict[str, Any]:
    """Every configuration on both sides, as `trials.json` has trials."""
    later = figure.replace("validation", "test")
    pairs = table.select("id", figure, later).rows()
    own = found.benchmark
    best = table.sort([figure, "id"], descending=[True, False], nulls_last=True)
    return {
        "format": FORMAT,
        "metric": {"sharpe": "corr_sharpe", "corr": "corr_mean"}[found.objective],
        "what": "configuration",
        "trials": [
            {"id": one, "state": "complete", "scores": {"validation": past, "test": future}}
            for one, past, future in pairs
        ],
        "chosen": best["id"][0] if len(best) else None,
        "benchmark": {"validation": own[figure], "test": own[later]},
    }


def _parameters(ranked: pl.DataFrame, plan: Plan, figure: str) -> dict[str, Any]:
    """Values of each parameter that varies, beside the score."""
    places = np.linspace(0, len(ranked) - 1, min(DRAWN, len(ranked))).round().astype(int).tolist()
    some = ranked[places]
    drawn = [name for name in some.columns if name.startswith("param.")]
    varied = [name for name in (*drawn, "target", "features") if some[name].n_unique() > 1]
    names = {column: column.removeprefix("param.") for column in varied}
    return {
        "scores": some[figure].to_list(),
        "ids": some["id"].to_list(),
        "values": {name: some[column].to_list() for column, name in names.items()},
        "benchmark": {name: plan.benchmark.get(name) for name in names.values()},
    }


def _clusters(mined: Mined, ids: list[str]) -> dict[str, Any] | None:
    """The best by how alike they are; None of fewer than two."""
    if len(ids) < 2:
        return None
    found = cluster(mined, ids)
    matrix = [[None if np.isnan(v) else float(v) for v in row] for row in found.correlation]
    return {"ids": list(found.ids), "matrix": matrix, "groups": found.groups.tolist()}
