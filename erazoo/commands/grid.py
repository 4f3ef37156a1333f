"""What `erazoo ensemble --grid` would train, and the table of what it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from erazoo.commands.table import table, wrapped

if TYPE_CHECKING:
    from erazoo.config import Config
    from erazoo.rundir import RunDir


def grid_plan(config: Config, run: RunDir) -> dict[str, Any]:
    """The cells of the grid, and which of them are trained; nothing is written.

    Raises:
        StaleDataError: there are no shards of this configuration.
        ConfigError: a grid that cannot be made.
    """
    from ensemble.grid.cells import plan_grid
    from ensemble.grid.train import finished_cells, grid_stands
    from etl.build import open_shards

    shards, _ = open_shards(config, run)
    grid = plan_grid(config, shards.spec)
    done = set(finished_cells(grid, run))
    cells = [
        {
            "name": cell.name,
            "features": cell.word,
            "columns": cell.columns,
            "same": list(cell.same),
            "done": cell.name in done,
        }
        for cell in grid.cells
    ]
    return {"model": grid.base, "cells": cells, "stands": grid_stands(grid, run)}


def plan_text(plan: Mapping[str, Any]) -> str:
    """The cells as a table."""
    cells = plan["cells"]
    missing = sum(not cell["done"] for cell in cells)
    rows = [[c["name"], c["features"], c["columns"], "done" if c["done"] else ""] for c in cells]
    head = f"would train {missing} of {len(cells)} models like {plan['model']}:"
    return f"{head}\n{table(['model', 'features', 'columns', ''], rows)}\n{_same(cells)}".rstrip()


def grid_text(content: Mapping[str, Any]) -> str:
    """The scores of the cells, what is kept and why, and what failed."""
    rows = content["rows"]
    good = [row for row in rows if row["status"] == "ok"]
    head = ["model", "features", "columns", "corr", "sharpe", "mmc", "weight", "kept"]
    lines = [table(head, [_row(row) for row in good])]
    first, last, count = content["eras"]
    lines.append(wrapped(f"on {content['target']}, {count} eras from {first} to {last}"))
    lines.append(wrapped(f"kept: {', '.join(content['kept'])} ({content['reason']})"))
    lines.append(_same(rows))
    lines += [wrapped(f"{r['name']}: {r['reason']}") for r in rows if r["status"] != "ok"]
    return "\n".join(filter(None, lines))


def _row(row: Mapping[str, Any]) -> list[Any]:
    facts = [row["name"], row["features"], row["columns"]]
    figures = [row["corr"], row["sharpe"], row["mmc"], row["weight"] or None]
    return [*facts, *figures, "kept" if row["kept"] else ""]


def _same(cells: Any) -> str:
    pairs = [f"{', '.join(c['same'])} ({c['features']})" for c in cells if c["same"]]
    return wrapped(f"the same features, trained once: {'; '.join(pairs)}") if pairs else ""
