"""`erazoo mine ACTION`: many configurations of boosted trees against a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.mine_results import (
    Look,
    check_look,
    show_comparison,
    show_results,
    write_plots,
)
from erazoo.errors import ConfigError
from erazoo.near import nearest

if TYPE_CHECKING:
    from search.api import Mining


@dataclass(frozen=True)
class Wishes:
    """The options of the verb's own."""

    foreground: bool
    force: bool
    show_folds: bool
    trials: int | None
    ids: tuple[str, ...] = ()
    weights: str | None = None
    look: Look = field(default_factory=Look)


@verb
def mine(
    call: Call,
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION",
            help="start, progress, stop, resume, results, compare, plot, export.",
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The study (mine.name).")
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", metavar="N", min=1, help="Trainings in all.")
    ] = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="start, resume: mine here, not in the background.")
    ] = False,
    show_folds: Annotated[
        bool, typer.Option("--show-folds", help="start: draw the folds, and do nothing else.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="start: forget what stands so named; export: anew.")
    ] = False,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="export: configurations.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="W,W", help="export: of several as an ensemble."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option("--sort", metavar="COLUMN", help="results: by what (the objective)."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="results, compare: how many (20).")
    ] = 20,
    wide: Annotated[
        bool, typer.Option("--wide", help="results, compare: all columns, parameters too.")
    ] = False,
    unique_below: Annotated[
        float | None,
        typer.Option(
            "--unique-below", metavar="R", help="results, compare: only what is less alike."
        ),
    ] = None,
    others: Annotated[
        list[str] | None,
        typer.Option(
            "--others", metavar="RUN[:STUDY]", help="results, compare: likeness to other finds."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="results, compare: a CSV or parquet table."),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", metavar="DIR", help="plot: each figure as PNG (Chromium)."),
    ] = None,
) -> None:
    """Mine many configurations of boosted trees, and hold them against a benchmark.

    start makes data and shards where they are missing and mines in the background; progress says
    how far it is; stop ends it, and resume goes on. What has ended is never trained again. Trials
    are chosen by validation eras; test eras are only shown, and held-out ones are never touched.

    results is a table of the best; compare says what beats the benchmark and how much of it is
    luck; plot writes the page of the study. Test scores are shown beside.

    export reproduces configurations, trains them again on every resolved era and leaves them where
    `erazoo ensemble` and `erazoo export pickle` take them.
    """
    from search.api import Mining

    if action not in ACTIONS:
        raise ConfigError("unknown action", received=action, expected=nearest(action, ACTIONS))
    call = call.override({"mine.name": name, "mine.trials": trials})
    mining = Mining.of(call.config, call.look().root)
    look = Look(sort, limit, wide, unique_below, tuple(others or ()), out, figures)
    check_look(action, look)
    wishes = Wishes(foreground, force, show_folds, trials, tuple(ids or ()), weights, look)
    ACTIONS[action](call, mining, wishes)


def _start(call: Call, mining: Mining, wishes: Wishes) -> None:
    from search.api import prepare, show_folds, start_mining

    if call.dry_run:
        call.emit(*_dry(mining))
        return
    if wishes.show_folds:
        prepare(mining)
        folds, drawing = show_folds(mining)
        call.emit(folds.to_json(), drawing)
        return
    start_mining(
        call.config,
        run_dir=mining.run.root,
        foreground=wishes.foreground,
        force=wishes.force,
    )
    _progress(call, mining, wishes)


def _dry(mining: Mining) -> tuple[dict[str, Any], str]:
    section = mining.config.mine
    work = f"mine {section.trials} trials of {section.model} in {mining.folder.root}"
    facts = {"folder": str(mining.folder.root), "trials": section.trials, "dry_run": True}
    return facts, f"would {work}"


def _resume(call: Call, mining: Mining, wishes: Wishes) -> None:
    from search.api import Mining, wanted_trials

    mining.folder.check_there()
    if wishes.trials is None:
        call = call.override({"mine.trials": wanted_trials(mining)})
    _start(call, Mining.of(call.config, mining.run.root), wishes)


def _progress(call: Call, mining: Mining, wishes: Wishes) -> None:  # noqa: ARG001
    from search.api import check_progress

    found = check_progress(mining)
    call.emit({**found.to_json(), "folder": str(mining.folder.root)}, str(found))


def _stop(call: Call, mining: Mining, wishes: Wishes) -> None:  # noqa: ARG001
    from search.api import stop

    mining.folder.check_there()
    stopped = False if call.dry_run else stop(mining)
    said = "is stopped; go on with `erazoo mine resume`" if stopped else "is not being mined"
    call.emit({"stopped": stopped}, f"mine: {mining.config.mine.name} {said}")


def _results(call: Call, mining: Mining, wishes: Wishes) -> None:
    show_results(call, mining, wishes.look)


def _compare(call: Call, mining: Mining, wishes: Wishes) -> None:
    show_comparison(call, mining, wishes.look)


def _plot(call: Call, mining: Mining, wishes: Wishes) -> None:
    write_plots(call, mining, wishes.look)


def _export(call: Call, mining: Mining, wishes: Wishes) -> None:
    from erazoo.commands.mine_export import export_study

    mining.folder.check_there()
    export_study(call, wishes.ids, wishes.weights, force=wishes.force)


ACTIONS: Mapping[str, Callable[[Call, Mining, Wishes], None]] = {
    "start": _start,
    "progress": _progress,
    "stop": _stop,
    "resume": _resume,
    "results": _results,
    "compare": _compare,
    "plot": _plot,
    "export": _export,
}
