"""`erazoo ensemble --grid`: what it would train, the table, and that later verbs know of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from erazoo.config import Config
from erazoo.rundir import RunDir

Maker = Callable[..., tuple[Config, RunDir]]
SETTINGS = (
    "data.extra_targets=['target_ender_60']",
    "split.folds=2",
    "split.margin=1",
    "training.threads=1",
    "tracking.mlflow=off",
    "engine.backend=debug",
    "models.lightgbm.params.n_estimators=20",
    "models.lightgbm.params.min_child_samples=5",
    "ensemble.method=equal",
    "ensemble.methods=['nnls']",
    "ensemble.unique.enabled=false",
)


@pytest.fixture
def words(make_run: Maker, own_data: Path, tmp_path: Path) -> list[str]:
    """The words that name a run with shards."""
    (tmp_path / "empty.toml").write_text("")
    given = (f"data.dir={own_data}", *SETTINGS)
    _, run = make_run(*given)
    place = ["--run-dir", str(run.root), "--config", str(tmp_path / "empty.toml")]
    return [*place, *(w for one in given for w in ("--set", one))]


@pytest.fixture
def own_data(panel_folder: Path, tmp_path: Path) -> Path:
    """A copy of the panel, whose live file a test may change."""
    return Path(shutil.copytree(panel_folder, tmp_path / "panel"))


def test_a_grid_is_planned_trained_and_predicted_with(erazoo, words, own_data) -> None:
    root = Path(words[1])
    plan = erazoo("ensemble", "--grid", "sets x groups", "--dry-run", *words)
    assert plan.code == 0, plan.err
    assert plan.out.startswith("would train 4 of 4 models like lightgbm:")
    assert "lightgbm.set-small.group-charisma  small & charisma" in plan.out
    assert not (root / "models").exists()
    both = erazoo("ensemble", "--grid", "groups", "--walk", "--dry-run", *words)
    assert both.out.startswith("would train 1 of 1 models like lightgbm:")
    assert both.out.endswith("then blend the run's models and walk\n")
    made = erazoo("ensemble", "--grid", "groups", *words)
    assert made.code == 3
    assert "'lightgbm' is not trained" in made.err
    assert not (root / "models").exists()
    assert erazoo("train", *words).code == 0
    made = erazoo("ensemble", "--grid", "groups", *words)
    assert made.code == 0, made.err
    assert "kept: lightgbm.group-charisma (there is one model)" in made.out
    assert "ensemble of lightgbm, lightgbm.group-charisma" in made.out
    assert f"--config {root}/config.json" in made.out
    kept = ["--run-dir", str(root), "--config", str(root / "config.json")]
    again = erazoo("ensemble", "--json", *kept)
    assert again.json["grid"]["skipped"]
    assert again.json["methods"]["members"] == ["lightgbm", "lightgbm.group-charisma"]
    skipped = erazoo("ensemble", "--dry-run", *kept)
    assert skipped.out.startswith("would skip what is done already")
    scores = erazoo("evaluate", "--json", *kept)
    assert set(scores.json["candidates"]) >= {"lightgbm", "lightgbm.group-charisma", "ensemble"}
    assert "lightgbm.group-charisma" not in json.loads((root / "config.json").read_text())["models"]
    first = erazoo("predict", "--json", *kept)
    assert first.code == 0, first.err
    assert first.json["members"] == ["lightgbm", "lightgbm.group-charisma"]
    unlike(own_data / "live.parquet", "feature_3")
    other = erazoo("predict", "--json", *kept)
    assert other.json["sha256"] != first.json["sha256"]


def unlike(path: Path, column: str) -> None:
    """Turn a column of a file around."""
    table = pq.read_table(path)
    place = table.column_names.index(column)
    turned = table.column(column).to_numpy()[::-1]
    pq.write_table(table.set_column(place, column, [turned]), path)


@pytest.mark.long
def test_live_columns_of_others_are_not_read(erazoo, words, own_data) -> None:
    """A model of `charisma` alone: features 0, 4 and 5 may be anything."""
    small = [*words, "--set", "models.lightgbm.features=charisma"]
    assert erazoo("train", *small).code == 0
    assert erazoo("ensemble", *small).code == 0
    first = erazoo("predict", "--json", *small)
    assert first.code == 0, first.err
    for column in ("feature_0", "feature_4", "feature_5"):
        unlike(own_data / "live.parquet", column)
    other = erazoo("predict", "--json", *small)
    assert not other.json.get("skipped")
    assert other.json["sha256"] == first.json["sha256"]
    unlike(own_data / "live.parquet", "feature_1")
    assert erazoo("predict", "--json", *small).json["sha256"] != first.json["sha256"]
    table = pq.read_table(own_data / "live.parquet")
    pq.write_table(table.drop_columns(["feature_2"]), own_data / "live.parquet")
    lacking = erazoo("predict", *small)
    assert lacking.code == 3
    assert "lacks a column" in lacking.err
    assert "feature_2" in lacking.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--grid", "rows"], "ensemble.grid.of"),
        (["--grid", "sets", "--model", "lightgm"], "lightgbm"),
        (["--grid", "sets", "--model-budget", "soon"], "--model-budget is a time"),
        (["--model", "lightgbm", "--jobs", "2"], "--model and --jobs say how a grid is trained"),
    ],
)
def test_grids_that_cannot_be_made_are_refused(
    given: list[str], said: str, erazoo: Any, words: list[str]
) -> None:
    outcome = erazoo("ensemble", *given, *words)
    assert outcome.code != 0
    assert said in outcome.err
