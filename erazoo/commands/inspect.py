"""`erazoo inspect`: what a shard set holds, and whether it is whole."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.table import table


@verb
def inspect(
    call: Call,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every byte against its checksum.")
    ] = False,
) -> None:
    """Show what a run's shards hold: splits, eras, rows, targets, features by group."""
    from etl.inspect import inspect_shards

    result = inspect_shards(call.existing_run().path("shards"), verify=verify)
    call.emit(result, lambda: _text(result))


def _text(result: dict[str, Any]) -> str:
    splits = [
        [name, s["eras"], s["first"], s["last"], s["rows"], s["files"], round(s["bytes"] / 1e6, 2)]
        for name, s in result["splits"].items()
    ]
    targets = [
        [name, t["resolved_eras"], t["resolved_rows"]] for name, t in result["targets"].items()
    ]
    groups = [[name, count] for name, count in result["groups"].items()]
    parts = [
        f"{result['folder']}: {result['rows']:,} rows, {result['features']} "
        f"{result['dtype']} features, fingerprint {result['fingerprint']}",
        table(["split", "eras", "first", "last", "rows", "files", "MB"], splits),
        table(["target", "resolved eras", "resolved rows"], targets),
        table(["group", "features"], groups),
        f"references: {', '.join(result['references']) or 'none'}",
        f"alias: target = {result['alias'] or 'none'}",
    ]
    if result["verified"]:
        parts.append(f"verified: every byte of {result['files']} files is as written")
    return "\n\n".join(parts)
