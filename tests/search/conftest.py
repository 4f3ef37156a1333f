"""Studies of the small panel."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from contracts.mining import SETTINGS

from erazoo.config import Config, load
from erazoo.rundir import RunDir
from etl.build import shard
from search.api import Mining
from search.driver import mine

RUN = ("data.extra_targets=['target_ender_60']", "split.folds=2", "split.margin=1")


@pytest.fixture
def make_study(make_run: Callable[..., tuple[Config, RunDir]]) -> Callable[..., Mining]:
    """A study of the panel that was not started, with settings on top."""

    def make(*settings: str, name: str = "run") -> Mining:
        config, run = make_run(*SETTINGS, *settings, name=name)
        return Mining.of(config, run.root)

    return make


@pytest.fixture(scope="session")
def mined_once(make_tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Mining:
    """A finished study with two targets and prefixes; never changed by a test."""
    folder = make_tiny(tmp_path_factory.mktemp("long"), eras=84, rows=24, validation_from=40)
    own = (
        "mine.targets=['target_ender_20', 'target_ender_60']",
        "mine.prefixes=[4, 8]",
        "mine.trials=6",
        "mine.folds.purge=12",
    )
    config = load(
        overrides=[f"data.dir={folder}", *RUN, *SETTINGS, *own],
        variables={},
    )
    run = RunDir(tmp_path_factory.mktemp("mined") / "run")
    shard(config, run)
    mine(config, run)
    return Mining.of(config, run.root)


@pytest.fixture
def mined(mined_once: Mining, tmp_path: Path) -> Mining:
    """A copy of that study, which a test may change."""
    root = Path(shutil.copytree(mined_once.run.root, tmp_path / "run"))
    return Mining.of(mined_once.config, root)
