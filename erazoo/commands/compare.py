"""`erazoo compare`: every model on the same folds, and the table that says which is worth it."""

from __future__ import annotations

import shutil
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.table import fitting, table
from erazoo.errors import ConfigError

if TYPE_CHECKING:
    from training.comparison import Limits
    from training.comparison_plan import Contest

WIDTH = 110
"""Columns that the table keeps to where no terminal says how many it has."""
UNITS = {"s": 1, "m": 60, "h": 3600}
EVALUATION = 0.2
"""Share of a quick comparison's time that is left for the evaluation."""
MODELS = 0.5
"""Share of it that models and evaluation have, however long data and shards took."""


@verb
def compare(
    call: Call,
    models: Annotated[
        str, typer.Option("--models", metavar="NAMES", help="Names or families, or all.")
    ] = "all",
    skip: Annotated[
        str, typer.Option("--skip", metavar="NAMES", help="Names or families to leave out.")
    ] = "",
    budget: Annotated[
        str | None,
        typer.Option("--model-budget", metavar="TIME", help="For each model: 300s, 20m, 2h."),
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option("--model-memory", metavar="MB", min=0, help="For each model; 0: no limit."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="Models at a time.")
    ] = None,
    quick: Annotated[
        str | None,
        typer.Option("--quick", metavar="TIME", help="Stop after this time, fast models first."),
    ] = None,
    skip_processing: Annotated[
        bool, typer.Option("--skip-processing", help="Use the shards that are there.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Train finished models again.")] = False,
) -> None:
    """Train every model on the same folds, and show which is worth it.

    Each model of the catalogue is a job with its own time and memory; one that fails is a row with
    its reason. Models of the experiment take part as they are configured. Finished models are kept:
    the same command goes on after an interruption. The table is printed and lies in the run
    directory as comparison.html, .md, .csv and .json.
    """
    from training.comparison_plan import plan_contest

    begun = time.monotonic()
    seconds, within = as_seconds("--model-budget", budget), as_seconds("--quick", quick)
    at_once = jobs if jobs is not None or within is None else 1
    call = call.override({"engine.jobs": at_once})
    contest = plan_contest(call.config, _words(models), _words(skip))
    if call.dry_run:
        call.emit(_plan(contest), lambda: _plan_text(contest))
        return
    call = replace(call, config=contest.config)
    if skip_processing:
        call.existing_run()
    else:
        with call.writing():
            _process(call)
    from scoring.report.models import write_models
    from training.comparison import Limits, shared_memory
    from training.comparison import compare as run_comparison

    limit = shared_memory(contest) if memory is None else memory
    limits = Limits(seconds, limit, _left(within, time.monotonic() - begun))
    contest = _in_haste(call, contest, limits)
    with replace(call, config=contest.config).writing() as run:
        result = run_comparison(contest, run, limits, force=force)
        files = [str(path) for path in write_models(result, run.root)]
    call.emit({**result, "files": files}, lambda: comparison_text(result, files))
    if not any(row["status"] == "ok" and "model" in row for row in result["rows"]):
        raise typer.Exit(1)


def comparison_text(
    result: Mapping[str, Any], files: Sequence[str] = (), width: int | None = None
) -> str:
    """The table for a terminal, what it is of, and why models are not in it.

    Args:
        result: the content of `comparison.json`.
        files: that hold it.
        width: columns of the terminal; by default those that it has.
    """
    from scoring.report.models.page import basis, thinning
    from scoring.report.models.reasons import reasons

    width = width or shutil.get_terminal_size((WIDTH, 0)).columns
    good = [row for row in result["rows"] if row["status"] == "ok"]
    best = ", ".join(f"{row['category']} {row['name']}" for row in good if row.get("best"))
    lines = [basis(result), thinning(result)]
    lines.append(f"* best of its category: {best}" if best else "")
    lines += [_why(names, words) for names, words in reasons(result["rows"])]
    lines.append(f"the table lies in {files[-1]}" if files else "")
    shown = [_fitting(good, width)] if good else []
    return "\n".join([*shown, *(_wrapped(line, width) for line in lines if line)])


def _fitting(rows: Sequence[Mapping[str, Any]], width: int) -> str:
    """The columns that fit, those of less weight left out first."""
    from scoring.report.models.columns import COLUMNS

    columns = [c for c in COLUMNS if any(c.value(row) is not None for row in rows)]
    ordered = [c for wide in (True, False) for c in reversed(columns) if c.wide is wide]
    heads = ["model", *(column.terminal for column in columns)]
    cells = [[_name(row), *(column.brief(row) for column in columns)] for row in rows]
    return fitting(heads, cells, [column.terminal for column in ordered[:-1]], width)


def _process(call: Call) -> None:
    """Bring the data and the shards of the experiment, as `download` and `shard` do."""
    from etl.build import shard
    from etl.source import prepare_data

    if call.config.shards.remote:
        return
    prepare_data(call.config, call.run)
    shard(call.config, call.run)


def _in_haste(call: Call, contest: Contest, limits: Limits) -> Contest:
    """The comparison that fits into the time there is."""
    from erazoo.machine import cores
    from training.comparison_plan import in_turns, thinned

    if limits.within is None:
        return contest
    return in_turns(thinned(contest, call.run, limits.within, cores()))


def _left(within: float | None, spent: float) -> float | None:
    """Seconds for the models of a quick comparison."""
    if within is None:
        return None
    return max(within - spent, within * MODELS) * (1 - EVALUATION)


def _plan(contest: Contest) -> dict[str, Any]:
    entries = contest.config.models
    chosen = {n: {"model": entries[n].model, "preset": entries[n].preset} for n in contest.names}
    return {"models": chosen, "left_out": dict(contest.left_out), "dry_run": True}


def _plan_text(contest: Contest) -> str:
    rows = [[n, one["model"], one["preset"]] for n, one in _plan(contest)["models"].items()]
    lines = [f"would compare {len(rows)} models:", table(["name", "model", "preset"], rows)]
    lines += [f"without {name}: {reason}" for name, reason in contest.left_out.items()]
    return "\n".join(lines)


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['name']} *" if row.get("best") else str(row["name"])


def _why(names: Sequence[str], words: str) -> str:
    if len(names) == 1:
        return f"{names[0]}: {words}"
    return f"{words}, {len(names)} models: {', '.join(names)}"


def _wrapped(line: str, width: int) -> str:
    return textwrap.fill(
        line, width, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
    )


def _words(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


def as_seconds(option: str, text: str | None) -> float | None:
    """A time such as `300s`, `20m`, `2h` or plain seconds; None where none is given.

    Raises:
        ConfigError: a text that is no time, or none above 0.
    """
    if text is None:
        return None
    unit = UNITS.get(text[-1:], 1)
    try:
        seconds = float(text.rstrip("smh") if text[-1:] in UNITS else text) * unit
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigError(f"{option} is a time", received=text, expected="300s, 20m or 2h")
    return seconds
