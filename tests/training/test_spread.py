"""Fits on the engine: the same results, one at a time or many, and failures that stay apart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from erazoo.config import Config
from erazoo.config.schema import EngineSection
from erazoo.engine.journal import read_outcomes
from erazoo.rundir import RunDir
from training.job import JOBS
from training.loop import train_model
from training.spread import spreads
from training.train import train

Maker = Callable[..., tuple[Config, RunDir]]
SERIAL = "engine.backend=serial"
SMALL = ("split.folds=1", "split.first_train=0.6", "models.lightgbm.seeds=2")
FILES = (
    "out_of_fold.parquet",
    "held_out.parquet",
    "final/seed-7/model.txt",
    "final/seed-8/model.txt",
)


def same(one: RunDir, other: RunDir) -> None:
    for name in FILES:
        ours = one.path("models", "lightgbm", name).read_bytes()
        assert ours == other.path("models", "lightgbm", name).read_bytes()


def test_the_engine_is_used_where_it_is_asked_for() -> None:
    assert not spreads(EngineSection())
    assert not spreads(EngineSection(jobs=1))
    assert spreads(EngineSection(jobs=2))
    assert spreads(EngineSection(ray_address="auto"))
    assert spreads(EngineSection(backend="serial"))


def test_fits_one_by_one_give_what_one_process_gives(make_run: Maker) -> None:
    config, run = make_run(SERIAL, *SMALL)
    _, whole = make_run(*SMALL, name="whole")
    train_model(config, whole, "lightgbm")
    results = train(config, run, ["lightgbm", "ridge"])
    assert [r["status"] for r in results.values()] == ["ok", "ok"]
    same(run, whole)
    jobs = read_outcomes(run.path(JOBS))
    assert set(jobs) == {
        *(f"lightgbm.{f}.seed-{s}" for f in ("fold-0", "held_out", "final") for s in (7, 8)),
        *(f"ridge.{f}" for f in ("fold-0", "held_out", "final")),
    }
    assert all(r.get("skipped") for r in train(config, run, ["lightgbm", "ridge"]).values())


@pytest.mark.long
def test_folders_and_not_the_journal_say_what_is_finished(make_run: Maker) -> None:
    config, run = make_run(SERIAL, "split.folds=1")
    train(config, run, ["ridge"])
    card = run.path("models", "ridge", "folds", "fold-0", "card.json")
    before, kept = card.read_bytes(), run.path("models", "ridge", "final", "card.json")
    stamp = kept.stat().st_mtime_ns
    card.unlink()
    run.path("stages", "train-ridge.json").unlink()
    assert train(config, run, ["ridge"])["ridge"]["status"] == "ok"
    assert json.loads(card.read_bytes())["key"] == json.loads(before)["key"]
    assert kept.stat().st_mtime_ns == stamp


def test_a_fit_that_fails_fails_its_model_alone(make_run: Maker) -> None:
    config, run = make_run(
        SERIAL, "split.folds=1", "models.lightgbm.needs.memory_mb=40", "training.threads=1"
    )
    results = train(config, run, ["lightgbm", "ridge"])
    assert results["lightgbm"]["status"] == "failed"
    assert "40 MiB are allowed" in results["lightgbm"]["reason"]
    assert results["ridge"]["status"] == "ok"
    recorded = json.loads(run.path("models", "lightgbm", "result.json").read_text())
    assert recorded["reason"] == results["lightgbm"]["reason"]
    ended = read_outcomes(run.path(JOBS))
    assert [n for n in ended if n.startswith("lightgbm")] == ["lightgbm.fold-0"]


def test_threads_are_those_that_the_model_needs(make_run: Maker) -> None:
    few, run = make_run(SERIAL, "split.folds=1", "models.ridge.needs.threads=1")
    train(few, run, ["ridge"])
    card = json.loads(run.path("models", "ridge", "final", "card.json").read_text())
    assert card["config"]["training"]["threads"] == 1


@pytest.mark.long
@pytest.mark.parametrize("delays", [(2.5, 4.0, 3.0)])
def test_killed_at_any_moment_and_resumed_equals_uninterrupted(
    make_run: Maker, delays: tuple[float, ...]
) -> None:
    settings = (*SMALL, "models.lightgbm.params.n_estimators=300")
    config, run = make_run(SERIAL, *settings)
    _, whole = make_run(*settings, name="whole")
    train_model(config, whole, "lightgbm")
    script = run.path("driver.py")
    script.write_text(
        "import json, sys; from pathlib import Path; from erazoo.config import Config\n"
        "from erazoo.rundir import RunDir; from training.train import train\n"
        "if __name__ == '__main__':\n"
        " config = Config.model_validate(json.loads(sys.argv[1]))\n"
        " train(config, RunDir(Path(sys.argv[2])), ['lightgbm'])"
    )
    words = [sys.executable, str(script), config.model_dump_json(), str(run.root)]
    for delay in delays:
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert train(config, run, ["lightgbm"])["lightgbm"]["status"] == "ok"
    same(run, whole)
    assert not list(run.path("models").rglob("begun.json"))


@pytest.mark.long
def test_many_at_once_on_ray(make_run: Maker) -> None:
    config, run = make_run("engine.jobs=2", *SMALL)
    _, whole = make_run(*SMALL, name="whole")
    train_model(config, whole, "lightgbm")
    assert train(config, run, ["lightgbm"])["lightgbm"]["status"] == "ok"
    same(run, whole)
