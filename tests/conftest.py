"""Fixtures shared by all rooms."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, settings

from erazoo.config import Config, load
from erazoo.folds import FoldPlan
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from etl.shards import ShardSet

if TYPE_CHECKING:
    from contracts.estimator_contract import Elsewhere

    from predict.rehearsal import RehearsalServer

ROOT = Path(__file__).resolve().parents[1]

# No example fails because the machine is busy.
settings.register_profile("any-speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-speed")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real market and tournament data; a test that needs it skips without it."""
    folder = Path(os.environ.get("ERAZOO_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data are absent: {folder} (set ERAZOO_DATA)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _unflushed() -> Iterator[None]:
    """Nothing is flushed to the disk, which costs milliseconds a file and shows in power cuts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield


@pytest.fixture(autouse=True)
def _untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings are not logged to MLflow, whose new database takes seconds; see test_tracking."""
    monkeypatch.setattr("training.tracking._log", lambda *_: None)


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Elsewhere]:
    """A process in which models predict that were fitted in this one."""
    from contracts import estimator_contract

    yield from estimator_contract.process()


@pytest.fixture
def tournament_data(tmp_path: Path) -> dict[str, Path]:
    """Small data sets as the tournament service offers them, folder by prefix."""
    import pandas as pd

    rng = np.random.default_rng(5)
    classic, crypto = tmp_path / "service" / "classic", tmp_path / "service" / "crypto"
    classic.mkdir(parents=True)
    crypto.mkdir()
    (classic / "features.json").write_text('{"feature_sets": {"all": ["f"]}, "targets": ["t"]}')
    tables = ("train", "validation", "meta_model", "live")
    benchmarks = tuple(f"{part}_benchmark_models" for part in ("train", "validation", "live"))
    for name in (*tables, *benchmarks):
        rows = 120 if name.startswith("live") else 4000
        ids = pd.Index([f"n{k:015x}" for k in range(rows)], name="id")
        frame = pd.DataFrame(rng.random((rows, 3)), index=ids, columns=list("fgt"))
        frame.assign(era="0001").to_parquet(classic / f"{name}.parquet")
    symbols = pd.Index([f"S{k}" for k in range(140)], name="symbol")
    coins = pd.DataFrame({"date": "2026-01-02", "f": rng.random(140)}, index=symbols)
    coins.to_parquet(crypto / "train.parquet")
    coins.to_parquet(crypto / "live.parquet")
    return {"v5.3": classic, "v5.9": classic, "v5.10": classic, "crypto/v2.0": crypto}


@pytest.fixture
def tournament_server(
    tournament_data: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[RehearsalServer]:
    """A loopback tournament service that the client of this process talks to, without waits."""
    from predict.rehearsal import RehearsalServer

    monkeypatch.setattr("erazoo.client.retry.sleep", lambda _: None)
    with RehearsalServer(tournament_data) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def seen_logs(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every record of erazoo, numerapi and the HTTP libraries, down to DEBUG of our own."""
    logger = logging.getLogger("erazoo")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    if not logger.propagate:
        logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)
    logger.setLevel(level)


TINY_TARGETS = ("target_ender_20", "target_ender_60")


def write_tiny(
    folder: Path,
    *,
    eras: int = 30,
    rows: int = 12,
    features: int = 6,
    validation_from: int = 16,
    unresolved: int = 4,
    row_group: int = 50,
    seed: int = 0,
) -> Path:
    """Write features.json, train, validation, live, meta model and benchmark files."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"feature_{j}" for j in range(features)]
    sets = {"all": names, "small": names[:3], "charisma": names[1:4]}
    (folder / "features.json").write_text(
        json.dumps({"feature_sets": sets, "targets": ["target", *TINY_TARGETS]})
    )

    def table(labels: list[str], kind: str, live: bool = False) -> pa.Table:
        n = len(labels) * rows
        x = rng.integers(0, 5, (n, features), dtype=np.int8)
        noise = rng.normal(size=n) + (x[:, 0] - 2)
        y = (np.argsort(np.argsort(noise)) * 5 // n / 4).astype(np.float32)
        old = [not live and int(label) <= eras - unresolved for label in labels]
        resolved = np.repeat(old, rows)
        y20 = np.where(resolved, y, np.nan).astype(np.float32)
        y60 = np.where(resolved, 1 - y, np.nan).astype(np.float32)
        ids = [f"n{rng.integers(1 << 60):015x}" for _ in range(n)]
        return pa.table(
            {
                "id": ids,
                "era": [label for label in labels for _ in range(rows)],
                "data_type": [kind] * n,
                **{name: x[:, j] for j, name in enumerate(names)},
                "target": y60,
                TINY_TARGETS[0]: y20,
                TINY_TARGETS[1]: y60,
            }
        )

    labels = [f"{e:04d}" for e in range(1, eras + 1)]
    train = table(labels[: validation_from - 1], "train")
    validation = table(labels[validation_from - 1 :], "validation")
    live = table(["X"], "live", live=True)
    for name, content in (("train", train), ("validation", validation), ("live", live)):
        pq.write_table(content, folder / f"{name}.parquet", row_group_size=row_group)
        if name != "live":
            shuffled = content.take(_within_eras(rng, content))
            model = {"v1_benchmark": rng.random(len(content)).astype(np.float64)}
            kept = shuffled.select(["id", "era"])
            pq.write_table(
                kept.append_column("v1_benchmark", pa.array(model["v1_benchmark"])),
                folder / f"{name}_benchmark_models.parquet",
            )
    meta = validation.select(["id", "era"]).append_column(
        "numerai_meta_model", pa.array(rng.random(len(validation)))
    )
    pq.write_table(meta, folder / "meta_model.parquet")
    return folder


def _within_eras(rng: np.random.Generator, content: pa.Table) -> np.ndarray:
    eras = np.array(content.column("era").to_pylist())
    return np.concatenate([rng.permutation(np.flatnonzero(eras == e)) for e in np.unique(eras)])


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A tiny data folder of 30 eras."""
    return write_tiny(tmp_path / "data")


@pytest.fixture(scope="session")
def make_tiny() -> Callable[..., Path]:
    """The writer itself, for folders of another shape."""
    return write_tiny


@pytest.fixture(scope="session")
def make_prices() -> Callable[..., pl.DataFrame]:
    """A maker of synthetic OHLCV tables on weekdays, sorted by symbol and date.

    `drift` plants a lasting trend in each symbol, from falling to rising.
    """

    def make(symbols: int = 12, bars: int = 120, seed: int = 0, drift: float = 0.0) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        days = [dt.date(2020, 1, 1) + dt.timedelta(n) for n in range(2 * bars + 7)]
        days = [day for day in days if day.weekday() < 5][:bars]
        tables = []
        for number in range(symbols):
            trend = drift * (number - (symbols - 1) / 2) / symbols
            close = 50 * np.exp(np.cumsum(trend + 0.02 * rng.standard_normal(bars)))
            opening = close * np.exp(0.005 * rng.standard_normal(bars))
            values = {
                "symbol": [f"S{number:03}"] * bars,
                "date": days,
                "open": opening,
                "high": np.maximum(opening, close) * np.exp(0.01 * rng.random(bars)),
                "low": np.minimum(opening, close) * np.exp(-0.01 * rng.random(bars)),
                "close": close,
                "volume": np.round(1e5 * np.exp(rng.standard_normal(bars))),
            }
            tables.append(pl.DataFrame(values))
        return pl.concat(tables)

    return make


RUN_SETTINGS = (
    "data.extra_targets=['target_ender_60']",
    "split.folds=2",
    "split.margin=1",
    "training.threads=1",
    "models.ridge.params.alpha=10",
    "models.lightgbm.params.n_estimators=20",
    "models.lightgbm.params.colsample_bytree=0.5",
)


@pytest.fixture(scope="session")
def panel_folder(tmp_path_factory: pytest.TempPathFactory, make_tiny: Callable[..., Path]) -> Path:
    """A data folder of 40 eras of 40 rows; never changed by a test."""
    return make_tiny(tmp_path_factory.mktemp("panel"), eras=40, rows=40, validation_from=20)


@pytest.fixture
def make_run(panel_folder: Path, tmp_path: Path) -> Callable[..., tuple[Config, RunDir]]:
    """Shards and folds of the panel in a new run directory, with settings on top."""

    def make(*settings: str, name: str = "run") -> tuple[Config, RunDir]:
        overrides = [f"data.dir={panel_folder}", *RUN_SETTINGS, *settings]
        config = load(overrides=overrides, variables={})
        run = RunDir(tmp_path / name)
        shard(config, run)
        return config, run

    return make


@pytest.fixture(scope="session")
def trained_once(
    panel_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Config, Path]:
    """The panel's experiment and its run directory with ridge and LightGBM trained."""
    from training.loop import train_model

    config = load(overrides=[f"data.dir={panel_folder}", *RUN_SETTINGS], variables={})
    run = RunDir(tmp_path_factory.mktemp("trained") / "run")
    shard(config, run)
    for name in ("ridge", "lightgbm"):
        train_model(config, run, name)
    return config, run.root


@pytest.fixture
def trained(trained_once: tuple[Config, Path], tmp_path: Path) -> tuple[Config, RunDir]:
    """A copy of that run, which a test may change."""
    config, root = trained_once
    return config, RunDir(Path(shutil.copytree(root, tmp_path / "run")))


@pytest.fixture
def opened(make_run: Callable[..., tuple[Config, RunDir]]) -> tuple[ShardSet, FoldPlan]:
    """The shards and folds themselves."""
    return open_shards(*make_run())
