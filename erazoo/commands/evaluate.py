"""`erazoo evaluate`: the scores of a run's candidates, or of anybody's prediction files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.scores import check_out, scores_text, write_scores
from erazoo.config import describe
from erazoo.errors import ConfigError
from erazoo.rundir import RunDir


@verb
def evaluate(
    call: Call,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Prediction files (CSV or parquet, ids and predictions) to score instead.",
        ),
    ] = None,
    final: Annotated[
        bool,
        typer.Option("--final", help="Open the held-out eras; each opening is recorded."),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="FOLDER", help="Score files against these tables, not the shards."
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="NAME",
            help="A column of a benchmark or the meta model to compare with; may be repeated.",
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="NAME", help="The target to score on.")
    ] = None,
    boundary: Annotated[
        list[str] | None,
        typer.Option(
            "--boundary",
            metavar="ERA",
            help="The last era that the files' models were trained on; may be repeated.",
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option("--trials", metavar="N", min=1, help="How many candidates were ever tried."),
    ] = None,
    wide: Annotated[bool, typer.Option("--wide", help="Show every column.")] = False,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out", metavar="FILE", help="Write .csv, .md, .html or .json too; may be repeated."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Score again.")] = False,
) -> None:
    """Score the out-of-fold predictions of a run's models and ensemble, or prediction files.

    The held-out eras stay closed unless `--final` opens them.
    """
    settings = {"against": against or None, "target": target, "trials": trials}
    call = call.override({f"evaluate.{key}": value for key, value in settings.items()})
    for path in out or ():
        check_out(path)
    if files:
        result = _score_files(call, files, data, boundary or [], final=final)
    elif data or boundary:
        option = "--data" if data else "--boundary"
        raise ConfigError(f"{option} belongs to prediction files", received="none")
    else:
        result = _score_run(call, final=final, force=force)
    if result is None:
        return
    for path in out or ():
        write_scores(path, result, describe(call.config), call.look().root)
    call.emit(result, lambda: scores_text(result, wide=wide))


def _score_run(call: Call, *, final: bool, force: bool) -> dict[str, Any] | None:
    """The scores of the run's own candidates; None of a dry run."""
    run = call.existing_run()
    from ensemble.grid.record import with_grid
    from training.evaluation import evaluate as score
    from training.evaluation import scores_stand
    from training.tracking import track

    config = with_grid(call.config, run)
    if call.dry_run:
        work = f"score {'held-out' if final else 'out-of-fold'} predictions"
        stands = lambda: not force and scores_stand(config, run, final=final)
        call.plan(work, stands, run=str(run.root))
        return None
    with call.writing():
        result = score(config, run, final=final, force=force)
        track(config, run, tuple(config.models))
        return result


def _score_files(
    call: Call, files: list[Path], data: Path | None, boundaries: list[str], *, final: bool
) -> dict[str, Any] | None:
    """The scores of prediction files; None of a dry run."""
    run = _run_of_files(call, data, final=final)
    if call.dry_run:
        eras = "held-out" if final else "all but the held-out"
        named = ", ".join(map(str, files))
        place = data or run.path("shards")
        call.plan(f"score {named} on {eras} eras of {place}", lambda: False, run=str(run.root))
        return None
    from training.file_evaluation import evaluate_files

    score: Callable[[], dict[str, Any]] = lambda: evaluate_files(
        call.config, run, files, data=data, final=final, boundaries=boundaries
    )
    if not final:
        return score()
    with run.lock():
        return score()


def _run_of_files(call: Call, data: Path | None, *, final: bool) -> RunDir:
    """The run directory: of the shards, or of the record of an opening, made for that alone."""
    if data is None:
        return call.existing_run()
    if not data.is_dir():
        raise ConfigError("there is no data folder here", received=str(data))
    look = call.look()
    return call.run if final or look.root.is_dir() else look
