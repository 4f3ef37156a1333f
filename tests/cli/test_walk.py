"""`erazoo ensemble --walk`: what it would do, what it says, and that the report shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from erazoo.commands.walk import outlook_text, walk_text
from erazoo.config import Config
from erazoo.rundir import RunDir

Maker = Callable[..., tuple[Config, RunDir]]
SETTINGS = (
    "data.extra_targets=['target_ender_60']",
    "split.folds=2",
    "split.margin=1",
    "training.threads=1",
    "tracking.mlflow=off",
    "models.ridge.params.alpha=10",
    "models.second={model='ridge', params={alpha=1000}}",
    "ensemble.methods=['nnls']",
    "ensemble.unique.enabled=false",
    "ensemble.walk.window=8",
)


@pytest.fixture
def words(make_run: Maker, panel_folder: Path, tmp_path: Path) -> list[str]:
    """The words that name a run with shards."""
    models = ("models.lightgbm.enabled=false",)
    given = (f"data.dir={panel_folder}", *SETTINGS, *models)
    _, run = make_run(*given)
    (tmp_path / "empty.toml").write_text("")
    place = ["--run-dir", str(run.root), "--config", str(tmp_path / "empty.toml")]
    return [*place, *(w for one in given for w in ("--set", one))]


def test_a_walk_is_planned_lived_and_shown(erazoo: Any, words: list[str]) -> None:
    root = Path(words[1])
    before = erazoo("ensemble", "--walk", "--dry-run", *words)
    assert before.code == 0, before.err
    assert before.out.strip() == "would blend the run's models and walk"
    assert erazoo("train", *words).code == 0
    plan = erazoo("ensemble", "--walk", "--dry-run", *words)
    assert plan.out.startswith("would walk ridge, second through ")
    assert not (root / "ensemble").exists()
    made = erazoo("ensemble", "--walk", *words)
    assert made.code == 0, made.err
    assert "ridge (static)" in made.out
    assert "learning on is" in made.out
    again = erazoo("ensemble", "--walk", "--json", *words)
    content = json.loads(again.out)["walk"]
    assert content["skipped"]
    assert content["members"] == ["ridge", "second"]
    assert json.loads(erazoo("ensemble", "--json", *words).out)["walk"] is None
    plan = erazoo("ensemble", "--walk", "--dry-run", *words)
    assert plan.out.startswith("would skip what is done already: walk ridge, second")
    assert erazoo("report", *words).code == 0
    assert "Walked through history" in (root / "report.html").read_text()


def test_texts_name_what_is_left_out() -> None:
    outlook = {
        "models": ["ridge"],
        "left_out": {"mlp": "it is a network"},
        "eras": ["0010", "0020", 11],
        "updates": 3,
        "held": {"eras": 9, "bytes": 1_500_000},
        "stands": False,
    }
    text = " ".join(outlook_text(outlook).split())
    assert "would walk ridge through 11 eras, 0010 to 0020, with 3 updates and 9 eras" in text
    assert "(1.5 MB) in memory" in text
    assert text.endswith("mlp is left out: it is a network")
    assert walk_text({}) == ""
