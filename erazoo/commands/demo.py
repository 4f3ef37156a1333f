"""`erazoo demo`: the generated tournament, in the layout of a real data set."""

from __future__ import annotations

from typing import Annotated

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.table import facts
from erazoo.config import describe
from erazoo.errors import ConfigError
from etl.source import data_stand, prepare_data


@verb
def demo(
    call: Call,
    profile: Annotated[
        str | None, typer.Option(help="balanced, interactions, regimes, noise or memory.")
    ] = None,
    eras: Annotated[int | None, typer.Option(help="How many eras.")] = None,
    rows: Annotated[int | None, typer.Option(help="Rows an era.")] = None,
    features: Annotated[int | None, typer.Option(help="How many features.")] = None,
    regimes: Annotated[int | None, typer.Option(help="How many regimes.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same files.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Generate again what is there.")] = False,
) -> None:
    """Generate the demo tournament's data folder.

    Options that are not given are those of the configuration's section `demo`. The signal is
    planted, and the best score that any model could reach is stored beside the data.
    """
    given = {
        "profile": profile,
        "eras": eras,
        "rows": rows,
        "features": features,
        "regimes": regimes,
        "seed": seed,
    }
    call = call.override({f"demo.{name}": value for name, value in given.items()})
    _check_source(call)
    if call.dry_run:
        stands = not force and data_stand(call.config, call.run)
        options = describe(call.config)["demo"]
        planned = {"folder": str(call.data), **options, "skipped": stands, "dry_run": True}
        title = "would skip the demo tournament, which is there" if stands else "would generate it"
        call.emit(planned, lambda: facts(title, planned))
        return
    with call.writing() as run:
        made = prepare_data(call.config, run, force=force)
    done = "was there already" if made.get("skipped") else "is generated"
    call.emit(made, lambda: facts(f"the demo tournament {done}", made))


def _check_source(call: Call) -> None:
    source = call.config.data.source
    if source != "demo":
        raise ConfigError(
            "this experiment does not take its data from the demo tournament",
            received=f"data.source = {source!r}",
            expected="'demo'",
            hint="Run `erazoo download`, or choose another --config",
        )
