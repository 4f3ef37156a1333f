"""`erazoo download`: the data folder of an experiment, whatever its source."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from erazoo.config import Config
from erazoo.publish import sha256
from erazoo.rundir import RunDir

DATA_ROOT = "ERAZOO_DATA"


def data_folder(config: Config, run: RunDir) -> Path:
    """Where the data of an experiment lie: `data.dir`, else `data` of its run directory."""
    return Path(config.data.dir) if config.data.dir else run.path("data")


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
    if config.data.source == "numerai":
        from etl.download import download_dataset

        return {"folder": str(folder), **download_dataset(config, folder, force=force)}
    stage = RunDir(folder).stage("data", _key(config))
    if not force and stage.done():
        return {"folder": str(folder), **stage.summary(), "skipped": True}
    begun = time.monotonic()
    stage.forget()
    summary = _build(config, folder)
    outputs = [path for path in folder.iterdir() if path.is_file() and path.suffix != ".lock"]
    outputs = [path for path in outputs if not path.name.startswith(".")]
    stage.finish(outputs, summary, time.monotonic() - begun)
    return {"folder": str(folder), **summary}


def _key(config: Config) -> dict[str, Any]:
    """What the data depend on: the section and, for prices, the files as they are now."""
    if config.data.source == "demo":
        return {"source": "demo", **config.demo.model_dump()}
    paths = [price_root() / name for name in config.prices.files]
    prints = {str(path): sha256(path) for path in paths if path.is_file()}
    return {"source": "prices", **config.prices.model_dump(), "prints": prints}


def _build(config: Config, folder: Path) -> dict[str, Any]:
    if config.data.source == "demo":
        from etl.demo import generate

        return generate(config.demo, folder).to_json()
    from etl.prices import build

    return build(config.prices, folder, price_root()).to_json()
