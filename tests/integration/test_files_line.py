"""The documented experiment on files of one's own, through every verb of prepare.sh and predict."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from erazoo.cli import main
from etl.shards import ShardSet

ROOT = Path(__file__).resolve().parents[2]
WEEKS, ASSETS = 70, 25


def documented() -> str:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    section = page.split("## Files of your own")[1]
    return re.search(r"```toml\n(.*?)```", section, re.DOTALL)[1]


def write_files(folder: Path) -> pd.DataFrame:
    """A parquet file of 2023, a folder of two CSV files of 2024, and live rows."""
    rng = np.random.default_rng(2)
    n = WEEKS * ASSETS
    weeks = pd.date_range("2023-03-05", periods=WEEKS, freq="W")
    x = rng.integers(0, 5, (n, 4)) / 4
    x[rng.random(x.shape) < 0.05] = np.nan
    signal = np.nan_to_num(x[:, 0], nan=0.5) - np.nan_to_num(x[:, 3], nan=0.5)
    score = signal + rng.normal(0, 0.5, n)
    ranks = pd.Series(score).groupby(np.arange(n) // ASSETS).rank(pct=True)
    frame = pd.DataFrame(
        {
            "asset": np.tile(np.arange(100, 100 + ASSETS), WEEKS),
            "week": np.repeat(weeks, ASSETS),
            **{f"x_{j}": x[:, j] for j in range(3)},
            "volume": x[:, 3],
            "note": "text",
            "next_return": ranks.to_numpy(),
        }
    )
    late = frame["week"].dt.year == 2024
    (folder / "mine" / "2024").mkdir(parents=True)
    frame[~late].to_parquet(folder / "mine" / "2023.parquet", index=False)
    half = frame["week"] < "2024-04-01"
    frame[late & half].to_csv(folder / "mine" / "2024" / "1.csv", index=False)
    frame[late & ~half].to_csv(folder / "mine" / "2024" / "2.csv.gz", index=False)
    live = frame[-ASSETS:].drop(columns=["week", "next_return"])
    live.to_csv(folder / "mine" / "live.csv", index=False)
    return frame


def test_the_documented_experiment_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = write_files(tmp_path)
    monkeypatch.setenv("ERAZOO_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(documented())
    words = ["--config", "mine.toml", "--set", "training.threads=1"]
    script = (ROOT / "shell" / "prepare.sh").read_text()
    verbs = re.search(r"^verbs=\((.*)\)$", script, re.MULTILINE)[1].split()
    assert verbs[:2] == ["download", "shard"]
    for verb in (*verbs, "report", "predict", "submit"):
        for more in (["--dry-run"], []) if verb in verbs else ([],):
            code = main([verb, *words, *more])
            assert code == 0, f"{verb}: {capsys.readouterr().err}"
    assert main(["evaluate", *words, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out.splitlines()[-1])
    corr = scores["candidates"]["ridge"]["summary"]["corr"]
    assert corr["mean"] > 5 * corr["standard_error"]
    shards = ShardSet.open(tmp_path / "runs" / "mine" / "shards")
    assert shards.spec.names == ("x_0", "x_1", "x_2", "volume")
    assert shards.manifest.rows == len(frame)
    assert shards.eras()[0] == "2023-03-05"
    features, labels = shards.to_numpy()
    expected = np.nan_to_num(frame[[*shards.spec.names]].to_numpy() * 4, nan=2)
    np.testing.assert_array_equal(features, expected.astype(np.int8))
    np.testing.assert_array_equal(labels.targets[:, 0], frame["next_return"].astype(np.float32))
    assert labels.ids[0] == "100_2023-03-05"
    files = list((tmp_path / "runs" / "mine" / "submission").glob("*.csv"))
    assert len(files) == 2
    for file in files:
        assert pd.read_csv(file)["id"].tolist() == list(range(100, 100 + ASSETS))
