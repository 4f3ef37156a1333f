"""What is planted is found on validation eras, and in noise nothing survives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from contracts.mining import SETTINGS

from erazoo.config import load
from erazoo.rundir import RunDir
from etl.build import shard
from search.against import compare
from search.api import Mining, evaluate_completed
from search.driver import mine

ERAS, ROWS = 80, 60
RUN = ("data.extra_targets=['target_ender_60']", "split.margin=1", *SETTINGS)


def planted(folder: Path, signal: float) -> Path:
    """Rewrite a panel's targets: a product of its first two features, and noise."""
    for number, name in enumerate(("train", "validation")):
        table = pl.read_parquet(folder / f"{name}.parquet")
        rng = np.random.default_rng([number, round(signal * 10)])
        x = table.select("feature_0", "feature_1").to_numpy().astype(float) - 2
        hidden = pl.Series(signal * x[:, 0] * x[:, 1] + rng.normal(size=len(table)))
        rank = table.select("era", hidden=hidden).select(
            (pl.col("hidden").rank() / pl.len()).over("era")
        )
        codes = np.searchsorted([0.05, 0.25, 0.75, 0.95], rank.to_series().to_numpy()) / 4
        known = table["target_ender_20"].is_not_nan()
        own = pl.when(known).then(pl.Series(codes.astype(np.float32))).otherwise(np.nan)
        columns = dict.fromkeys(("target_ender_20", "target_ender_60", "target"), own)
        table.with_columns(**columns).write_parquet(folder / f"{name}.parquet")
    return folder


@pytest.fixture
def study(make_tiny: Callable[..., Path], tmp_path: Path) -> Callable[..., Mining]:
    def make(signal: float, *settings: str) -> Mining:
        folder = make_tiny(tmp_path / "data", eras=ERAS, rows=ROWS, validation_from=40)
        planted(folder, signal)
        texts = [f"data.dir={folder}", *RUN, *settings]
        config = load(overrides=texts, variables={})
        run = RunDir(tmp_path / "run")
        shard(config, run)
        mine(config, run)
        return Mining.of(config, run.root)

    return make


def test_the_best_by_validation_lies_in_the_planted_region(study) -> None:
    """A product of two features is nothing to stumps, nor to groups that lack one of them."""
    mining = study(
        0.5,
        "mine.trials=30",
        "mine.batch=30",
        "mine.space.features=['small', 'charisma']",
        "mine.space.num_leaves=[2, 12]",
        "mine.space.max_depth=4",
        "mine.space.n_estimators=40",
        "mine.space.colsample_bytree=1.0",
        "mine.space.max_bin=5",
    )
    table = evaluate_completed(mining).filter(~pl.col("benchmark"))
    inside = (pl.col("features") == "small") & (pl.col("param.num_leaves") == 12)
    assert 2 <= table.filter(inside).height < table.height - 2
    best = table.sort("validation_sharpe", descending=True)
    count = table.filter(inside).height
    assert best[:count].filter(inside).height == count
    assert table.filter(inside)["test_corr"].min() > 0.1
    assert table.filter(~inside)["test_corr"].max() < 0.1
    found = compare(mining.folder)
    assert best["id"][0] in found.survivors


def test_nothing_survives_in_noise(study) -> None:
    mining = study(
        0.0,
        "mine.trials=40",
        "mine.batch=40",
        "mine.prefixes=[4, 8]",
        "mine.space.max_bin=5",
    )
    found = compare(mining.folder)
    assert found.winners.height > 0
    assert found.survivors == ()
    assert found.tries.trainings == 40
