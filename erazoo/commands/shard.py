"""`erazoo shard`: data into era-tagged TFRecord shards and purged folds."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, verb


@verb
def shard(
    call: Call,
    force: Annotated[bool, typer.Option("--force", help="Write them again.")] = False,
) -> None:
    """Write the shards and the folds of an experiment.

    Finished files are kept when an interrupted run goes on.
    """
    from etl.build import shard as write_shards
    from etl.build import shards_stand
    from training.train import check_models

    check_models(call.config)
    if call.dry_run:
        folder = call.run.path("shards")
        stands = lambda: not force and shards_stand(call.config, call.run)
        call.plan(f"write shards into {folder}", stands, folder=str(folder))
        return
    with call.writing() as run:
        result = write_shards(call.config, run, force=force)
    call.emit(result, lambda: _line(result))


def _line(result: dict[str, Any]) -> str:
    done = "stand already" if result.get("skipped") else "written"
    return (
        f"shard: {result['rows']:,} rows of {result['eras']} eras, {result['features']} features, "
        f"{result['files']} files, {result['bytes'] / 1e6:.1f} MB {done}; "
        f"{result['folds']} folds, purge {result['purge']} eras, "
        f"{result['held_out_eras']} eras held out"
    )
