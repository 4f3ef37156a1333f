"""`erazoo download`: the data folder of an experiment, whatever its source."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from erazoo.config import Config
from erazoo.errors import ConfigError, StaleDataError
from erazoo.publish import make_dir, read_json, sha256, write_json
from erazoo.rundir import RunDir, Stage
from erazoo.tournament import CLASSIC, TOURNAMENTS, Tournament
from etl.files import DOWNLOAD_RECORD, FEATURES, HISTORY, LIVE, SOURCE_RECORD, DataFiles

DATA_ROOT = "ERAZOO_DATA"


def data_folder(config: Config, run: RunDir) -> Path:
    """Where the data of an experiment lie: `data.dir`, else `data` of its run directory."""
    return Path(config.data.dir) if config.data.dir else run.path("data")


def data_files(config: Config, run: RunDir) -> DataFiles:
    """The tables of an experiment and what their columns mean.

    Raises:
        DataError: files that the configuration names are missing.
    """
    facts, layout = column_facts(config), _layout(config)
    if config.data.source == "files":
        files = _named_files(config)
    else:
        files = DataFiles.folder(data_folder(config, run), layout, facts["values"])
        if not layout.has_feature_sets and not files.features_stand:
            files = replace(files, features=None)
    return replace(
        files, era=facts["era"], id=facts["id"], ids=facts["ids"], values=facts["values"]
    )


def column_facts(config: Config) -> dict[str, str]:
    """The columns of eras and ids, what an id names and how features are written.

    They are those of the tournament where its own files or the user's are read, and those of
    Classic in folders that erazoo makes, unless the configuration says otherwise.
    """
    section, layout = config.data, _layout(config)
    return {
        "era": section.era or layout.era_column,
        "id": section.id or layout.id_column,
        "ids": section.ids or layout.ids,
        "values": section.values or layout.values,
    }


def _layout(config: Config) -> Tournament:
    own = config.data.source in ("numerai", "files")
    return TOURNAMENTS[config.data.tournament] if own else CLASSIC


def _named_files(config: Config) -> DataFiles:
    section = config.data
    if not section.files:
        raise ConfigError(
            "data.source = 'files' needs files", received="none", hint="Name them in data.files"
        )
    from etl.tables.open import table_files

    named = [price_root() / name for name in section.files]
    live = price_root() / section.live if section.live else None
    history = [path for path in table_files(named) if live is None or not _same(path, live)]
    if not history:
        raise ConfigError("data.files names no file but the live one", received=section.live)
    beside = named[0] / FEATURES if named[0].is_dir() else named[0].parent / FEATURES
    return DataFiles(
        place=", ".join(section.files),
        history=tuple(history),
        live=live,
        features=beside if beside.is_file() else None,
    )


def _same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve()


def price_root() -> Path:
    """The folder that relative price files are taken from: `ERAZOO_DATA` or ../shared/data."""
    return Path(os.environ.get(DATA_ROOT, "../shared/data"))


def prepare_data(config: Config, run: RunDir, *, force: bool = False) -> dict[str, Any]:
    """Generate, build or download the data folder, unless it stands already.

    Returns:
        The folder and what its source says of it.

    Raises:
        DataError: source files that cannot be used.
        RemoteError: a download that failed.
    """
    folder = data_folder(config, run)
    if config.data.source == "files":
        files = data_files(config, run)
        count = len(files.history)
        return {"folder": files.place, "files": count, "skipped": True}
    if config.data.source == "numerai":
        from etl.download import download_dataset

        return {"folder": str(folder), **download_dataset(config, folder, force=force)}
    _claim(config.data.source, folder)
    owner = RunDir(folder)
    stage = _stage(config, owner)
    prints = _price_prints(config)
    if not force and stage.done() and stage.summary()["prints"] == prints:
        return {"folder": str(folder), **stage.summary(), "skipped": True}
    begun = time.monotonic()
    with owner.lock():
        stage.forget()
        summary = {**_build(config, folder), "prints": prints}
        found = [p for p in folder.iterdir() if p.suffix in (".json", ".parquet")]
        stage.finish([p for p in found if p.is_file()], summary, time.monotonic() - begun)
    return {"folder": str(folder), **summary}


def data_stand(config: Config, run: RunDir) -> bool:
    """Whether the data are finished; never for a download, whose service must be asked."""
    if config.data.source == "numerai":
        return False
    if config.data.source == "files":
        return bool(data_files(config, run).history)
    stage = _stage(config, RunDir(data_folder(config, run), make=False))
    return stage.done() and bool(stage.summary()["prints"] == _price_prints(config))


def check_data(config: Config, folder: Path) -> None:
    """Refuse data that another configuration built, or that were never finished.

    A folder that erazoo neither built nor downloaded is the user's own and taken as it is.

    Raises:
        StaleDataError: the data are not those of this configuration, or incomplete.
    """
    record = folder / SOURCE_RECORD
    if record.is_file():
        whole = _stage(config, RunDir(folder)).done()
    else:
        download = folder / DOWNLOAD_RECORD
        whole = not download.is_file() or bool(read_json(download).get("files"))
    if not whole:
        raise StaleDataError(
            f"the data in {folder} are incomplete or belong to another configuration",
            hint="Run `erazoo download`",
        )


def _claim(source: str, folder: Path) -> None:
    """Mark a folder as this source's; never one that holds data of another origin."""
    marker = make_dir(folder) / SOURCE_RECORD
    held = read_json(marker)["source"] if marker.is_file() else None
    foreign = [n for n in (FEATURES, *HISTORY, LIVE) if (folder / n).exists()]
    if held != source and foreign:
        raise ConfigError(
            f"the data folder {folder} holds data that erazoo did not make from {source!r}",
            received=f"{foreign[0]} of {held or 'another origin'}",
            hint="Choose another data.dir or --run-dir; nothing was replaced",
        )
    write_json(marker, {"source": source})


def _stage(config: Config, owner: RunDir) -> Stage:
    section = config.demo if config.data.source == "demo" else config.prices
    return owner.stage("data", {"source": config.data.source, **section.model_dump()})


def _price_prints(config: Config) -> dict[str, str]:
    """Checksums of the price files as they are now."""
    if config.data.source != "prices":
        return {}
    paths = {name: price_root() / name for name in config.prices.files}
    return {name: sha256(path) for name, path in paths.items() if path.is_file()}


def _build(config: Config, folder: Path) -> dict[str, Any]:
    if config.data.source == "demo":
        from etl.demo import generate

        return generate(config.demo, folder).to_json()
    from etl.prices import build

    return build(config.prices, folder, price_root()).to_json()
