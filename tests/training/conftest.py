"""A trained-on shard set, made once a worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from erazoo.config import Config, load
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from etl.shards import ShardSet
from etl.splits import FoldPlan

SETTINGS = (
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
        overrides = [f"data.dir={panel_folder}", *SETTINGS, *settings]
        config = load(overrides=overrides, variables={})
        run = RunDir(tmp_path / name)
        shard(config, run)
        return config, run

    return make


@pytest.fixture
def opened(make_run: Callable[..., tuple[Config, RunDir]]) -> tuple[ShardSet, FoldPlan]:
    """The shards and folds themselves."""
    return open_shards(*make_run())
