"""`erazoo shard`: a data folder becomes a shard set and its folds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from erazoo import __version__
from erazoo.config import Config
from erazoo.errors import ConfigError, StaleDataError
from erazoo.folds import FoldPlan
from erazoo.logs import LOGGER, progress
from erazoo.panel import EraBlock
from erazoo.publish import fingerprint, read_json, write_json
from erazoo.rundir import RunDir, Stage
from erazoo.tournament import TARGET_ALIAS, TOURNAMENTS, label_eras, target_bars
from etl.dataset import Dataset, history_files
from etl.files import PRICE_RECORD
from etl.shards import ShardSet, ShardWriter
from etl.shards.manifest import MANIFEST
from etl.source import check_data, data_folder
from etl.splits import plan_folds

FOLDS = "folds.json"
SHARDS = "shards"


def shard(config: Config, run: RunDir, *, force: bool = False) -> dict[str, Any]:
    """Write the shards and the folds of an experiment, unless they stand already.

    Memory: one era of the widest table, one parquet row group and one file's records.

    Returns:
        The stage's summary: eras, rows, files, bytes, folds.

    Raises:
        DataError: data that cannot be used; nothing is published then.
    """
    _check_kind(config)
    stage = _stage(config, run)
    if not force and stage.done():
        check_data(config, data_folder(config, run))
        return {**stage.summary(), "skipped": True}
    begun = time.monotonic()
    stage.forget()
    folder = data_folder(config, run)
    check_data(config, folder)
    data = Dataset(folder, config.data.feature_set, _targets(config))
    resolved = data.resolved(config.data.target)
    reach = _label_eras(config, run)
    plan = plan_folds(config.split, data.axis, resolved, config.data.target, reach)
    data.check_ids()
    shards = _write(config, run, data, plan, force)
    write_json(run.path(FOLDS), plan.to_json())
    summary = _summary(shards, plan)
    outputs = [run.path(SHARDS, f.path) for f in shards.manifest.files]
    outputs += [run.path(SHARDS, MANIFEST), run.path(FOLDS)]
    stage.finish(outputs, summary, time.monotonic() - begun)
    return summary


def open_shards(config: Config, run: RunDir) -> tuple[ShardSet, FoldPlan]:
    """The shards and folds that this very configuration made.

    Raises:
        StaleDataError: they are missing or belong to another configuration or other data.
    """
    if not _stage(config, run).done():
        raise StaleDataError(
            f"the shards in {run.path(SHARDS)} are missing or were made from other settings",
            hint="Run `erazoo shard`",
        )
    return ShardSet.open(run.path(SHARDS)), FoldPlan.from_json(read_json(run.path(FOLDS)))


def shards_stand(config: Config, run: RunDir) -> bool:
    """Whether the shards and folds of this very configuration and of the present data are there."""
    return _stage(config, run).done()


def _stage(config: Config, run: RunDir) -> Stage:
    return run.stage(
        "shard",
        {
            "columns": [config.data.feature_set, _targets(config)],
            "shards": config.shards.model_dump(),
            "split": config.split.model_dump(),
        },
        {"data": _prints(config, run), "label_eras": _label_eras(config, run)},
    )


def _targets(config: Config) -> list[str]:
    return list(dict.fromkeys((config.data.target, *config.data.extra_targets)))


def _prints(config: Config, run: RunDir) -> dict[str, str]:
    """Checksums of the data files that shards are made from."""
    return {p.name: run.checksum(p) for p in history_files(data_folder(config, run))}


def _check_kind(config: Config) -> None:
    if config.data.source == "numerai" and config.data.tournament == "crypto":
        raise ConfigError(
            "downloaded Crypto data cannot be sharded yet; they are keyed by symbol and date",
            hint="Build a panel from prices with data.source = 'prices', as conf/coins.toml does",
        )


def _label_eras(config: Config, run: RunDir) -> int:
    """Eras that a label reaches past its own: measured on a price panel, else from the name."""
    if config.data.source == "prices":
        record = data_folder(config, run) / PRICE_RECORD
        measured = read_json(record)["label_eras"] if record.is_file() else {}
        if config.data.target in measured:
            return int(measured[config.data.target])
    per_era = TOURNAMENTS[config.data.tournament].bars_per_era
    return label_eras(target_bars(config.data.target), per_era)


def _write(config: Config, run: RunDir, data: Dataset, plan: FoldPlan, force: bool) -> ShardSet:
    split_of = dict.fromkeys(data.eras(), "train")
    if plan.held_out is not None:
        first = data.eras().index(plan.held_out.validation[0])
        split_of |= dict.fromkeys(data.eras()[first:], "test")
    key = fingerprint([_prints(config, run), data.spec.fingerprint, data.targets])
    facts = {
        "tool": f"erazoo {__version__}",
        "alias": {TARGET_ALIAS: data.alias_of()},
        "target": plan.target,
        "purge": plan.purge,
        "embargo": plan.embargo,
    }
    with ShardWriter(
        run.path(SHARDS),
        data.spec,
        data.targets,
        data.references,
        split_of=split_of,
        rows_of=data.rows_of,
        key=key,
        layout=config.shards.layout,
        block_rows=config.shards.block_rows,
        shard_rows=config.shards.shard_rows,
        facts=facts,
        fresh=force,
    ) as writer:
        pending = writer.pending()
        if len(pending) < len(split_of):
            LOGGER.info("shard: %d eras stand already", len(split_of) - len(pending))
        writer.write(_watched(data, pending))
    return ShardSet.open(run.path(SHARDS))


def _watched(data: Dataset, eras: tuple[str, ...]) -> Iterator[EraBlock]:
    yield from progress(data.blocks(eras), "shard eras", len(eras))


def _summary(shards: ShardSet, plan: FoldPlan) -> dict[str, Any]:
    manifest = shards.manifest
    return {
        "eras": len(manifest.eras),
        "rows": manifest.rows,
        "features": len(manifest.spec.names),
        "targets": list(manifest.targets),
        "references": list(manifest.references),
        "files": len(manifest.files),
        "bytes": sum(entry.bytes for entry in manifest.files),
        "folds": len(plan.development),
        "held_out_eras": len(plan.held_out.validation) if plan.held_out else 0,
        "purge": plan.purge,
        "fingerprint": manifest.spec.fingerprint,
    }
