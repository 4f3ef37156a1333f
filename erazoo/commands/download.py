"""`erazoo download`: the data folder of an experiment, whatever its source."""

from __future__ import annotations

from typing import Annotated

import typer

from erazoo.commands.frame import Call, verb


@verb
def download(
    call: Call,
    force: Annotated[bool, typer.Option("--force", help="Fetch or build it again.")] = False,
) -> None:
    """Bring an experiment's data into its data folder.

    Numerai data are downloaded and checked, price panels are built from files of prices, and the
    demo tournament is generated; files of your own are looked up where they lie. What stands
    already is kept.
    """
    source = call.config.data.source
    from etl.source import data_stand, prepare_data
    from training.train import check_models

    check_models(call.config)
    if call.dry_run:
        work = f"bring {source} data into {call.data}"
        if source == "files":
            work = f"look up {', '.join(call.config.data.files)}"
        stands = lambda: not force and data_stand(call.config, call.run)
        call.plan(work, stands, folder=str(call.data), source=source)
        return
    with call.writing() as run:
        result = prepare_data(call.config, run, force=force)
    done = "stand already" if result.get("skipped") else "are ready"
    call.emit(result, f"download: the {source} data {done} in {result['folder']}")
