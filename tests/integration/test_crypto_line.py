"""Crypto data as the tournament stores them, from shards to a submission that passes its rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from erazoo.cli import main
from erazoo.folds import FoldPlan
from erazoo.publish import read_json
from etl.shards import ShardSet

ROOT = Path(__file__).resolve().parents[2]
QUARTERS = np.array([0, 0.25, 0.5, 0.75, 1])
TARGETS = ("target_binned_return_20", "target_binned_return_60")


def columns() -> list[str]:
    kinds = ["bollinger", "close_avg", "close_ewa", "market_cap_avg", "market_cap_ewa", "momentum"]
    kinds += ["relative_strength_index", "sharpe_ratio", "volatility", "volume_avg", "volume_ewa"]
    return [f"feature_{kind}_{days}d" for kind in kinds for days in (20, 60)]


def generate(folder: Path, days: int, symbols: int, live: int) -> None:
    """train.parquet and live.parquet of a data set: the newest targets are unresolved."""
    rng = np.random.default_rng(11)
    dates = [d.strftime("%Y-%m-%d") for d in pd.bdate_range("2020-01-01", periods=days)]
    n = days * symbols
    index = pd.Index(np.tile([f"COIN{k}" for k in range(symbols)], days), name="symbol")
    x = rng.integers(0, 5, (n, 22))
    noise = x[:, 0] + x[:, 5] + rng.normal(0, 3, n)
    bins = QUARTERS[np.searchsorted([-2.2, 0.9, 6.9, 10], noise)]
    old = np.repeat(np.arange(days) < days - 30, symbols)
    frame = pd.DataFrame(QUARTERS[x], index=index, columns=columns())
    frame.insert(0, "date", np.repeat(dates, symbols))
    frame[TARGETS[0]] = np.where(old, bins, np.nan)
    frame[TARGETS[1]] = np.where(old, 1 - bins, np.nan)
    folder.mkdir(parents=True)
    frame.to_parquet(folder / "train.parquet", row_group_size=100_000)
    now = pd.Index([f"COIN{k}" for k in range(live)], name="symbol")
    today = pd.DataFrame(QUARTERS[rng.integers(0, 5, (live, 22))], index=now, columns=columns())
    today.insert(0, "date", "2026-01-02")
    today.to_parquet(folder / "live.parquet")


def run_line(folder: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    words = ["--config", ROOT / "conf" / "crypto.toml", "--run-dir", run]
    settings = [
        f"data.dir={folder}",
        "models.lightgbm.enabled=false",
        "models.mlp.enabled=false",
        "training.threads=1",
    ]
    words += [word for setting in settings for word in ("--set", setting)]
    answers = {}
    for verb in ("shard", "train", "evaluate", "ensemble", "predict", "submit"):
        code = main([verb, *map(str, words), "--json"])
        said = capsys.readouterr()
        assert code == 0, f"{verb}: {said.err}"
        answers[verb] = json.loads(said.out)
    return answers


def check(folder: Path, run: Path, answers: dict[str, Any]) -> None:
    from numerai_tools.submissions import validate_submission_crypto

    shards = ShardSet.open(run / "shards")
    assert len(shards.spec.names) == 22
    assert shards.spec.dtype == np.int8
    frame = pd.read_parquet(folder / "train.parquet")
    assert shards.manifest.rows == len(frame)
    first = next(shards.blocks())
    assert (first.era, first.ids[0]) == ("2020-01-01", "COIN0_2020-01-01")
    np.testing.assert_array_equal(
        first.features, (frame.iloc[: len(first)][columns()] * 4).to_numpy(np.int8)
    )
    plan = FoldPlan.from_json(read_json(run / "folds.json"))
    assert (plan.label_eras, plan.purge) == (32, 36)
    for fold in plan.folds:
        place = plan.axis.index
        assert place(fold.validation[0]) - place(fold.train[-1]) > 36
    live = pd.read_parquet(folder / "live.parquet").reset_index()[["symbol"]]
    files = sorted(path.name for path in run.glob("submission/*.csv"))
    assert files == ["crypto-crypto-unique.csv", "crypto-crypto.csv"]
    for name in files:
        submission = pd.read_csv(run / "submission" / name)
        assert list(submission.columns) == ["symbol", "prediction"]
        validate_submission_crypto(live, submission)
    assert answers["submit"]["rows"] == len(live)
    corr = answers["evaluate"]["candidates"]["ridge"]["summary"]["corr"]
    assert corr["mean"] > 5 * corr["standard_error"]


@pytest.mark.long
def test_a_crypto_line_of_full_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """307,000 rows as in version 2.0."""
    generate(tmp_path / "data", days=1046, symbols=294, live=400)
    answers = run_line(tmp_path / "data", tmp_path / "run", capsys)
    check(tmp_path / "data", tmp_path / "run", answers)
