"""`erazoo export`: models in a form that runs without erazoo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, verb
from erazoo.errors import ConfigError
from erazoo.near import nearest

PICKLE = "pickle"


@verb
def export(
    call: Call,
    form: Annotated[str, typer.Argument(metavar="FORM", help="`pickle`.")],
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The run directory.")],
    study: Annotated[
        str, typer.Option("--study", metavar="NAME", help="Its mined models, not its ensemble.")
    ] = "",
    model: Annotated[
        str, typer.Option("--model", metavar="ID", help="Which of the study's exports.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The file (RUN/pickles/NAME.pkl).")
    ] = None,
) -> None:
    """Write a run's LightGBM models as one file that Numerai runs by itself.

    `erazoo export pickle RUN` takes the run's ensemble, with --study what `erazoo mine export` left
    there. The configuration is the one recorded in the run. Before the file stands it is tried in a
    process with the libraries and limits of Numerai's image, on the run's live rows, and has to
    predict what `erazoo predict` does.
    """
    if form != PICKLE:
        raise ConfigError("there is no such form", received=form, expected=nearest(form, [PICKLE]))
    if model and not study:
        raise ConfigError("--model names an export of a study", expected="--study NAME")
    call = call.of_run(folder)
    run = call.existing_run()
    if call.dry_run:
        call.plan("write a model pickle and try it", lambda: False, run=str(run.root))
        return
    from predict.pickle import export_pickle

    card = export_pickle(call.config, run, study=study, model=model, out=out)
    call.emit(card, lambda: _text(card))


def _text(card: dict[str, Any]) -> str:
    members, tried = card["members"], card["tried"]
    names = ", ".join(f"{one['name']} ({one['weight']:.3g})" for one in members)
    trees = sum(one["trees"] for one in members)
    limits = tried["limits"]
    return "\n".join(
        [
            f"pickle: {names}; {trees} trees, {card['bytes'] / 1e6:.1f} MB",
            f"  checked: {card['live']['rows']} live rows as erazoo predicts them, largest "
            f"difference {tried['largest_difference']:.1g}",
            f"  checked: {tried['seconds']:.1f} s and {tried['peak_mb']} MB on one processor "
            f"(allowed: {limits['seconds']:.0f} s and {limits['memory_mb']} MB)",
            f"  checked: it imports {', '.join(tried['imported'])} and nothing else",
            f"the pickle is {card['path']}; upload it with an image of Python {card['python']}",
        ]
    )
