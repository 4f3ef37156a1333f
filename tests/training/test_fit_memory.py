"""The peak memory of a model is that of its process and of all that it starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contracts import unruly
from contracts.engine_jobs import hold_below

from erazoo.config import Config
from erazoo.engine.child import RESET_PEAK
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from training.comparison import Limits, compare
from training.comparison_plan import plan_contest
from training.estimator import EstimatorTrainer
from training.loop import train_model

Maker = Callable[..., tuple[Config, RunDir]]


def test_a_result_counts_what_its_fits_started(
    make_run: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = make_run("split.folds=1")
    Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    alone = train_model(config, run, "ridge")["peak_memory_mb"]
    fit = EstimatorTrainer.fit

    def with_a_child(*words: Any) -> Any:
        if words[4].name == "fold-0":
            hold_below(500, seconds=1.5)
        return fit(*words)

    monkeypatch.setattr(EstimatorTrainer, "fit", with_a_child)
    config, run = make_run("split.folds=1", name="again")
    result = train_model(config, run, "ridge")
    peaks = {fold["name"]: fold["peak_memory_mb"] for fold in result["folds"]}
    assert result["peak_memory_mb"] == max(peaks.values()) == peaks["fold-0"]
    assert peaks["fold-0"] > alone + 350 > peaks["final"]
    assert (
        read_json(run.path("models", "ridge", "result.json"))["folds"][0]["peak_memory_mb"]
        == (peaks["fold-0"])
    )


def test_a_model_whose_child_eats_memory_is_a_row(make_run: Maker) -> None:
    config, run = make_run(
        "engine.backend=serial",
        "split.folds=1",
        f"models.hungry.model={unruly.__file__}",
        "models.hungry.params.way=its child eats memory",
    )
    contest = plan_contest(config, ["hungry", "ridge"])
    result = compare(contest, run, Limits(seconds=60, memory_mb=2500))
    rows = {row["name"]: row for row in result["rows"]}
    assert rows["ridge"]["status"] == "ok"
    assert rows["hungry"]["status"] == "memory"
    assert "2500 MiB are allowed" in rows["hungry"]["reason"]
