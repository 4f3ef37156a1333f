"""Runs whose models walk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ensemble.blend import ensemble
from erazoo.config import Config, load
from erazoo.rundir import RunDir
from etl.build import shard
from training.loop import train_model

LONG = (
    "data.extra_targets=['target_ender_60']",
    "split.folds=2",
    "split.margin=1",
    "split.held_out=0",
    "split.first_train=0.3",
    "training.threads=1",
    "models.ridge.params.alpha=10",
    "models.lightgbm.params.n_estimators=10",
    "models.lightgbm.params.colsample_bytree=0.5",
    "ensemble.methods=['score_proportional']",
    "ensemble.unique.enabled=false",
    "ensemble.meta.least=20",
    "ensemble.meta.directions=3",
    "ensemble.meta.components=3",
    "ensemble.meta.penalties=[0.0]",
    "ensemble.meta.steps=20",
)

WORLD = (
    *(one for one in LONG if not one.startswith("models.")),
    "data.extra_targets=[]",
)
TARGETS = ("target", "target_ender_20", "target_ender_60")


@pytest.fixture(scope="session")
def long_once(
    tmp_path_factory: pytest.TempPathFactory, make_tiny: Callable[..., Path]
) -> tuple[Config, Path]:
    """An ensemble of ridge and LightGBM over 90 eras, long enough for a meta-learner."""
    folder = tmp_path_factory.mktemp("long")
    data = make_tiny(folder / "data", eras=90, rows=30, validation_from=30)
    config = load(overrides=[f"data.dir={data}", *LONG], variables={})
    run = RunDir(folder / "run")
    shard(config, run)
    for name in ("ridge", "lightgbm"):
        train_model(config, run, name)
    ensemble(config, run)
    return config, run.root


@pytest.fixture
def long_run(long_once: tuple[Config, Path], tmp_path: Path) -> tuple[Config, RunDir]:
    """A copy of it."""
    config, root = long_once
    return config, RunDir(Path(shutil.copytree(root, tmp_path / "long")))


@pytest.fixture(scope="session")
def make_world(
    tmp_path_factory: pytest.TempPathFactory, make_tiny: Callable[..., Path]
) -> Callable[[Callable[[int], float]], tuple[Config, RunDir]]:
    """Makes an ensemble of linear models whose first feature has a given effect in each era."""

    def make(effect: Callable[[int], float]) -> tuple[Config, RunDir]:
        folder = tmp_path_factory.mktemp("world")
        data = make_tiny(folder / "data", eras=100, rows=60, validation_from=30)
        for name in ("train", "validation"):
            _plant(data / f"{name}.parquet", effect)
        models = "models={ridge={params={alpha=10}}, second={model='ridge', params={alpha=1000}}}"
        config = load(overrides=[f"data.dir={data}", *WORLD, models], variables={})
        run = RunDir(folder / "run")
        shard(config, run)
        for name in config.models:
            train_model(config, run, name)
        ensemble(config, run)
        return config, run

    return make


def _plant(path: Path, effect: Callable[[int], float]) -> None:
    """Give the target of a data file another signal; what is not resolved stays so."""
    frame = pd.read_parquet(path)
    strength = frame["era"].astype(int).map(effect).to_numpy()
    noise = np.random.default_rng(len(frame)).normal(size=len(frame))
    frame["signal"] = strength * (frame["feature_0"].to_numpy() - 2.0) + noise
    made = frame.groupby("era")["signal"].rank(pct=True).mul(4.999).astype(int) / 4
    for column in TARGETS:
        frame[column] = made.where(frame[column].notna()).astype("float32")
    frame.drop(columns="signal").to_parquet(path)
