"""`erazoo shard`: data into era-tagged TFRecord shards and purged folds."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, if_there, verb
from erazoo.commands.table import table
from erazoo.config.load import plain_value
from erazoo.errors import ConfigError

Words = list[str] | None


def _option(*names: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=text, metavar=metavar)


@verb
def shard(
    call: Call,
    features: Annotated[
        Words,
        _option("--features", metavar="NAME,...", text="Sets, groups, columns or patterns."),
    ] = None,
    targets: Annotated[
        Words,
        _option("--targets", metavar="NAME,...", text="The target to learn, then further ones."),
    ] = None,
    layout: Annotated[
        str | None, _option("--layout", text="era (eras in file names) or flat.")
    ] = None,
    shard_rows: Annotated[int | None, _option("--shard-rows", text="Most rows a file.")] = None,
    block_rows: Annotated[int | None, _option("--block-rows", text="Most rows a record.")] = None,
    train: Annotated[
        str | None,
        _option("--train", metavar="ERAS", text="Training eras: 1..574, a share or a count."),
    ] = None,
    validation: Annotated[
        str | None, _option("--validation", metavar="ERAS", text="Validation eras.")
    ] = None,
    test: Annotated[str | None, _option("--test", metavar="ERAS", text="Held-out eras.")] = None,
    purge: Annotated[
        int | None, _option("--purge", text="Eras left out beside validation eras.")
    ] = None,
    embargo: Annotated[
        int | None, _option("--embargo", text="Further eras left out after them.")
    ] = None,
    every: Annotated[
        int | None, _option("--every", metavar="N", text="Train on every Nth era alone.")
    ] = None,
    balance: Annotated[
        str | None, _option("--balance", text="none, rows or weights: of target bins.")
    ] = None,
    codec: Annotated[
        str | None, _option("--codec", text="raw or packed (three quintiles a byte).")
    ] = None,
    compression: Annotated[str | None, _option("--compression", text="none, gzip or zlib.")] = None,
    seed: Annotated[int | None, _option("--seed", text="Of all that is drawn.")] = None,
    shuffle: Annotated[
        bool | None, _option("--shuffle/--no-shuffle", text="Shuffle the rows of each era.")
    ] = None,
    sort: Annotated[
        bool | None, _option("--sort/--no-sort", text="First sort rows that are out of order.")
    ] = None,
    workers: Annotated[int | None, _option("--workers", text="Processes; 0 is one a core.")] = None,
    remote: Annotated[
        str | None,
        _option("--remote", metavar="URI", text="Publish to a store; without data, fetch from it."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write them again.")] = False,
) -> None:
    """Write the shards and the folds of an experiment.

    Finished files are kept when an interrupted run goes on. Options stand above the
    configuration. Those of codec, compression, workers and sort concern this verb alone; give the
    others to later verbs by --set as well, or write them into the experiment's file.
    """
    from etl.build import shard as write_shards
    from training.train import check_models

    parts = {"train": train, "validation": validation, "test": test}
    fixed = {f"split.{k}": plain_value(v) for k, v in parts.items() if v is not None}
    call = call.override(
        {
            **_columns(features, targets),
            **({"split.scheme": "fixed", **fixed} if fixed else {}),
            "shards.layout": layout,
            "shards.shard_rows": shard_rows,
            "shards.block_rows": block_rows,
            "split.purge": purge,
            "split.embargo": embargo,
            "split.eras": None if every is None else f"every:{every}",
            "shards.balance": balance,
            "shards.codec": codec,
            "shards.compression": compression,
            "run.seed": seed,
            "shards.shuffle": shuffle,
            "data.sort": sort,
            "shards.workers": workers,
            "shards.remote": remote,
        }
    )
    check_models(call.config)
    if call.dry_run:
        _plan(call, force)
        return
    with call.writing() as run:
        result = write_shards(call.config, run, force=force)
    call.emit(result, lambda: _line(result))


def _columns(features: Words, targets: Words) -> dict[str, object]:
    given: dict[str, object] = {}
    if features:
        given["data.features"] = _names("--features", features)
    if targets:
        first, *others = _names("--targets", targets)
        given |= {"data.target": first, "data.extra_targets": others}
    return given


def _names(option: str, words: list[str]) -> list[str]:
    names = [name.strip() for word in words for name in word.split(",") if name.strip()]
    if not names:
        raise ConfigError(f"{option} names nothing", received=", ".join(map(repr, words)))
    return names


def _plan(call: Call, force: bool) -> None:
    """Say what would be written: nothing anew, the plan, or the little that is known of it."""
    from etl.build import shard_stage
    from etl.content import only_remote
    from etl.forecast import forecast

    folder, uri = call.run.path("shards"), call.config.shards.remote
    if only_remote(call.config, call.run):
        work = f"fetch the shards from {uri} into {folder}, since there are no data here"
        call.plan(work, lambda: False, folder=str(folder), remote=uri)
        return
    done = lambda: shard_stage(call.config, call.run).done()
    stands = not force and if_there(done, otherwise=False)
    planned = None if stands else forecast(call.config, call.run)
    if planned is None:
        call.plan(f"write shards into {folder}", lambda: stands, folder=str(folder))
        return
    facts = {"folder": str(folder), "remote": uri or None}
    result = {**facts, **planned, "skipped": False, "dry_run": True}
    call.emit(result, lambda: _plan_text(result))


def _plan_text(plan: dict[str, Any]) -> str:
    splits = [
        [name, s["eras"], s["first"], s["last"], s["rows"], s["files"], round(s["bytes"] / 1e6, 2)]
        for name, s in plan["splits"].items()
    ]
    memory = plan["memory"]
    size = "exactly" if plan["bytes_are"] == "exact" else "at most"
    lines = [
        f"would write {plan['files']} files into {plan['folder']}: {plan['rows']:,} rows of "
        f"{plan['eras']} eras, {plan['features']} features, {len(plan['targets'])} targets",
        table(["split", "eras", "first", "last", "rows", "files", "MB"], splits),
        f"size: {size} {plan['bytes']:,} bytes",
        f"memory: about {_mb(memory['worker'])} a process, {_mb(memory['all'])} in all; "
        f"workers: {plan['workers']}",
        f"folds: {plan['folds']}, purge {plan['purge']} eras, embargo {plan['embargo']}, "
        f"{plan['held_out_eras']} eras held out",
    ]
    if plan["remote"]:
        lines.append(f"remote: they would be published to {plan['remote']}")
    if sort := plan["sort"]:
        lines.insert(
            0,
            f"would first sort {sort['rows']:,} rows: about {_mb(sort['memory'])} of memory and at "
            f"most {_mb(sort['disk'])} of disk",
        )
    return "\n".join(lines)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _line(result: dict[str, Any]) -> str:
    written = "fetched" if "fetched" in result else "written"
    done = "stand already" if result.get("skipped") else written
    return (
        f"shard: {result['rows']:,} rows of {result['eras']} eras, {result['features']} features, "
        f"{result['files']} files, {result['bytes'] / 1e6:.1f} MB {done}; "
        f"{result['folds']} folds, purge {result['purge']} eras, "
        f"{result['held_out_eras']} eras held out{_remote(result)}"
    )


def _remote(result: dict[str, Any]) -> str:
    """What has passed between this machine and a store, where there is one."""
    if "sent" in result:
        return f"; {result['sent']} files sent to {result['remote']}"
    if "fetched" in result:
        return f"; {result['fetched']} files fetched from {result['remote']}"
    return ""
