"""What decides the content of shards: settings and data files, and which of them have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from erazoo.config import Config
from erazoo.errors import ConfigError, DataError
from erazoo.publish import fingerprint, read_json
from erazoo.rundir import RunDir
from erazoo.tournament import TOURNAMENTS, target_bars
from etl.cleaning import learns
from etl.files import PRICE_RECORD
from etl.source import column_facts, data_files, data_folder
from etl.targets import base_columns, learned_columns

COLUMN_SETTINGS = ("feature_set", "features", "target", "extra_targets")
"""Settings of [data] that choose its columns."""
HOW_STORED = ("codec", "compression", "workers", "remote")
"""Settings of shards that change nothing in what a reader gets."""
DATA_FILES, HORIZON = "the data files", "data.horizon"


def content_key(config: Config, run: RunDir) -> str:
    """A fingerprint of everything that decides which rows a reader of the shards gets, and how."""
    return fingerprint(describe_content(config, run))


def describe_content(config: Config, run: RunDir) -> dict[str, Any]:
    """What `content_key` is taken of, as plain values: by `section.key`, and of the data files."""
    return {**describe_settings(config), **shard_inputs(config, run)}


def describe_settings(config: Config) -> dict[str, Any]:
    """Of what `content_key` is taken of, the settings."""
    settings = shard_settings(config, *HOW_STORED)
    return {
        f"{section}.{key}": value
        for section, values in settings.items()
        for key, value in values.items()
    }


def changed_content(config: Config, run: RunDir, held: Mapping[str, Any]) -> list[str]:
    """Names of settings and data in which `held`, an older description, differs from this one.

    Where the data are not here and the shards come from a store, the settings alone decide.
    """
    if only_remote(config, run):
        measured = config.data.source == "prices" and config.data.horizon is None
        reach = held.get(HORIZON) if measured else label_eras(config, run)
        kept = {DATA_FILES: held.get(DATA_FILES), HORIZON: reach}
        mine = {**describe_settings(config), **kept}
    else:
        mine = describe_content(config, run)
    return [name for name in {**mine, **held} if held.get(name) != mine.get(name)]


def changed_columns(config: Config, held: Mapping[str, Any]) -> list[str]:
    """Settings of columns and cleaning in which `held`, of standing shards, differs from these.

    What is read later, such as live rows, must be read as the shards were; their data files and
    folds may have moved on.
    """
    mine = describe_settings(config)
    topics = [name for name in {**mine, **held} if name.startswith(("data.", "clean."))]
    return [n for n in topics if n != HORIZON and held.get(n) != mine.get(n)]


def only_remote(config: Config, run: RunDir) -> bool:
    """Whether this machine has no data of an experiment whose shards a store may hold."""
    if not config.shards.remote:
        return False
    try:
        return not data_files(config, run).history
    except DataError:
        return True


def shard_settings(config: Config, *left_out: str) -> dict[str, dict[str, Any]]:
    """Settings by section that decide what is written, without some of [shards]."""
    seeded = config.shards.shuffle or learns(config.clean)
    clean = config.clean.model_dump(mode="json")
    chosen = config.data.model_dump(mode="json", include=set(COLUMN_SETTINGS))
    made = {name: entry.model_dump(mode="json") for name, entry in config.targets.items()}
    return {
        "data": {**chosen, **column_facts(config)},
        "shards": config.shards.model_dump(mode="json", exclude=set(left_out)),
        "clean": {**clean, "order": list(config.clean.groups)},
        "targets": made,
        "split": config.split.model_dump(mode="json"),
        "run": {"seed": config.run.seed if seeded else None},
    }


def shard_inputs(config: Config, run: RunDir) -> dict[str, Any]:
    """The data files by checksum, and how far a label reaches."""
    return {DATA_FILES: data_prints(config, run), HORIZON: label_eras(config, run)}


def data_prints(config: Config, run: RunDir) -> dict[str, str]:
    """Checksums of the data files that shards are made from."""
    sources = data_files(config, run).sources
    return {f"{number}-{p.name}": run.checksum(p) for number, p in enumerate(sources)}


def label_eras(config: Config, run: RunDir) -> int:
    """Eras that a label reaches past its own, the longest of all that are learned.

    That is `data.target` and what enabled models learn, so that the purge of the one plan keeps
    every model's labels apart.
    """
    return max(target_reach(config, run, column) for column in learned_columns(config))


def target_reach(config: Config, run: RunDir, column: str) -> int:
    """Eras that the labels of a column of the data reach past their own.

    For `data.target` they are configured; else they are measured on prices, or from its name.

    Raises:
        ConfigError: nothing says how far.
    """
    named = config.data.horizon
    if named is not None and column == config.data.target:
        return named
    if config.data.source == "prices":
        record = data_folder(config, run) / PRICE_RECORD
        measured = read_json(record)["label_eras"] if record.is_file() else {}
        if column in measured:
            return int(measured[column])
    try:
        return TOURNAMENTS[config.data.tournament].label_eras(target_bars(column))
    except ConfigError:
        if named is None:
            raise
        return named


def horizons(config: Config, run: RunDir, targets: Sequence[str]) -> dict[str, int | None]:
    """By target, made or not, the eras that its labels reach past their own; None where unknown."""
    return {target: _reach(config, run, target) for target in targets}


def _reach(config: Config, run: RunDir, target: str) -> int | None:
    try:
        return max(target_reach(config, run, name) for name in base_columns(config, target))
    except ConfigError:
        return None
