"""`erazoo compare`: the table on a terminal and in files, and what is refused in words."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from erazoo.commands.compare import WIDTH, comparison_text
from erazoo.config import Config
from erazoo.rundir import RunDir

Maker = Callable[..., tuple[Config, RunDir]]
SETTINGS = (
    "data.extra_targets=['target_ender_60']",
    "split.folds=2",
    "split.margin=1",
    "training.threads=1",
    "tracking.mlflow=off",
    "engine.backend=serial",
    "models.ridge.params.alpha=10",
    "models.lightgbm.params.n_estimators=20",
)


@pytest.fixture
def words(make_run: Maker, panel_folder: Any, tmp_path: Path) -> list[str]:
    """The words that name a run with shards."""
    (tmp_path / "empty.toml").write_text("")
    _, run = make_run(*SETTINGS)
    given = (f"data.dir={panel_folder}", *SETTINGS)
    place = ["--run-dir", str(run.root), "--config", str(tmp_path / "empty.toml")]
    return [*place, *(w for one in given for w in ("--set", one))]


def test_the_table_is_printed_and_written_in_four_ways(erazoo, words) -> None:
    names = ("--models", "ridge,lightgbm", "--skip-processing")
    outcome = erazoo("compare", *names, *words)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].split()[:2] == ["model", "CORR"]
    assert any(line.startswith("ridge *") for line in lines)
    root = Path(words[1])
    held = json.loads((root / "comparison.json").read_text())
    shown = list(csv.DictReader((root / "comparison.csv").open()))
    assert [row["name"] for row in shown] == [row["name"] for row in held["rows"]]
    assert float(shown[0]["corr"]) == held["rows"][0]["corr"]
    assert "**ridge**" in (root / "comparison.md").read_text()
    assert 'data-sortable="true"' in (root / "comparison.html").read_text()
    again = erazoo("compare", *names, "--json", *words)
    assert {r["name"]: r.get("corr") for r in again.json["rows"]} == {
        r["name"]: r.get("corr") for r in held["rows"]
    }
    assert len(again.json["files"]) == 4
    report = json.loads((root / "config.json").read_text())
    assert set(report["models"]) == {"ridge", "lightgbm"}


def test_the_configuration_of_a_thinned_comparison_is_that_of_its_models(
    erazoo, words, monkeypatch
) -> None:
    monkeypatch.setattr("training.comparison_plan.LEAST_ERAS", 3)
    monkeypatch.setattr("training.comparison_plan.CELLS_PER_SECOND", 10)
    given = ("--models", "ridge", "--quick", "2m", "--skip-processing")
    hasty = erazoo("compare", "--json", *given, *words)
    assert hasty.code == 0, hasty.err
    config = Path(words[1]) / "config.json"
    held = json.loads(config.read_text())["training"]["eras"]
    assert "every" in held
    assert hasty.json["training_eras"] == held
    later = erazoo("evaluate", "--json", "--config", str(config), "--run-dir", words[1])
    assert later.code == 0, later.err
    assert "ridge" in later.json["candidates"]
    assert "ridge" not in later.json["missing"]


def test_from_nothing_it_brings_the_data_and_the_shards(erazoo, tmp_path) -> None:
    small = ("demo.eras=60", "demo.rows=50", "demo.features=24", "demo.regimes=1")
    own = ("run.name=small", "data.source=demo", "split.folds=2", "engine.backend=serial")
    given = [w for one in (*small, *own, "tracking.mlflow=off") for w in ("--set", one)]
    (tmp_path / "empty.toml").write_text("")
    place = ("--config", "empty.toml", "--run-dir", "run")
    outcome = erazoo("compare", "--models", "ridge", "--json", *place, *given)
    assert outcome.code == 0, outcome.err
    assert outcome.json["rows"][0]["name"] == "ridge"
    assert outcome.json["rows"][0]["preset"] == "small"
    hurried = erazoo("compare", "--models", "ridge", "--quick", "5m", *place, *given)
    assert hurried.code == 0, hurried.err


def test_nothing_trained_ends_with_1(erazoo, words) -> None:
    full = ("--models", "ridge", "--model-memory", "99000000", "--skip-processing", *words)
    outcome = erazoo("compare", *full)
    assert outcome.code == 1
    assert "no machine has that" in " ".join(outcome.out.split())


def test_two_at_once_in_one_run_directory_are_refused(erazoo, words) -> None:
    with RunDir(Path(words[1])).lock():
        outcome = erazoo("compare", "--models", "ridge", "--skip-processing", *words)
    assert outcome.code == 2
    assert "is in use by another command" in outcome.err
    assert not Path(words[1], "models").exists()


def test_a_dry_run_says_what_would_be_compared(erazoo, words) -> None:
    outcome = erazoo("compare", "--skip", "h2o,keras,lightgbm", "--dry-run", *words)
    assert outcome.code == 0, outcome.err
    assert "catboost" in outcome.out
    assert "mlp: left out by --skip" in outcome.out
    assert "without lightgbm: left out by --skip" in outcome.out


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (("--models", "ridgy"), 2, "no such model, family or category"),
        (("--model-budget", "soon"), 2, "--model-budget is a time. Received: soon"),
        (("--quick", "-3s"), 2, "--quick is a time"),
        (("--skip-processing", "--run-dir", "nowhere"), 2, "no run directory here"),
        (("--skip-processing", "--run-dir", "."), 3, "erazoo shard"),
    ],
)
def test_what_cannot_be_is_said(erazoo, tmp_path, given, code, message) -> None:
    (tmp_path / "empty.toml").write_text("")
    outcome = erazoo("compare", "--config", "empty.toml", *given)
    assert outcome.code == code
    assert message in outcome.err


def test_long_reasons_and_many_columns_keep_to_the_width() -> None:
    figures = {"corr": 0.0123, "sharpe": -1.2, "fit_seconds": 12345.6, "size_bytes": 123_456_789}
    scores = ("mmc", "bmc", "rmse", "train_corr", "train_mmc", "train_rmse", "corr_fold_std")
    full = dict.fromkeys((*scores, "like_benchmark", "like_meta_model"), -0.1234)
    good = {"name": "a_model_of_a_long_name_indeed", "category": "boosting", "status": "ok"}
    bad = {"name": "b", "category": "H2O", "status": "failed", "reason": "why " * 80}
    result = {
        "rows": [{**good, **figures, **full, "best": True, "peak_memory_mb": 12000}, bad],
        "eras": 0,
        "training_eras": "all&every:4",
    }
    lengths = {}
    for width in (40, 80, WIDTH, 240):
        text = comparison_text(result, width=width)
        assert max(map(len, text.splitlines())) <= width
        lengths[width] = len(text.splitlines()[0])
    assert lengths[40] < lengths[80] < lengths[WIDTH] < lengths[240]
    assert "all&every:4" in text
    assert "b: failed: why" in text
