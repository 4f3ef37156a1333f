"""Every model on the same folds: rows for all, one failure for itself, and nothing done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from contracts import unruly

from erazoo.config import Config
from erazoo.engine.journal import read_outcomes
from erazoo.errors import ConfigError
from erazoo.rundir import RunDir
from etl.build import content_of, open_shards, shard
from etl.shards import Manifest
from training.comparison import Limits, compare, shared_memory
from training.comparison_plan import (
    CELLS_PER_SECOND,
    category_of,
    in_turns,
    plan_contest,
    side_by_side,
    thinned,
)
from training.job import JOBS, Job
from training.loop import train_model
from training.spread import needs_of
from zoo import catalogue

Maker = Callable[..., tuple[Config, RunDir]]
SERIAL = ("engine.backend=serial", "split.folds=2")
FILE = unruly.__file__


def unruly_models(**ways: str) -> tuple[str, ...]:
    """Settings that configure misbehaving models by name."""
    files = [f"models.{name}.model={FILE}" for name in ways]
    return (*files, *(f"models.{name}.params.way={way}" for name, way in ways.items()))


def rows_of(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in result["rows"]}


def stamps(run: RunDir) -> dict[Path, int]:
    found = run.path("models").rglob("*")
    return {path: path.stat().st_mtime_ns for path in found if path.is_file()}


class TestPlans:
    def test_all_are_those_of_the_configuration_and_of_the_catalogue(self, make_run: Maker) -> None:
        config, _ = make_run("models.deep.model=lightgbm")
        contest = plan_contest(config, ["all"])
        assert {*contest.names, *contest.left_out} == {*catalogue.names(), "deep"}
        entries = contest.config.models
        assert entries["lightgbm"].params == config.models["lightgbm"].params
        assert entries["xgboost"].preset == "small"
        assert entries["h2o_gbm"].preset == "demo"
        families = [catalogue.get(entries[name].model).family for name in contest.names]
        assert families.index("keras") > max(k for k, f in enumerate(families) if f == "boosting")
        assert families.index("h2o") > max(k for k, f in enumerate(families) if f == "keras")

    def test_models_are_named_one_by_one_by_family_or_by_category(self, make_run: Maker) -> None:
        config, _ = make_run()
        assert plan_contest(config, ["ridge", "catboost"]).names == ("ridge", "catboost")
        networks = plan_contest(config, ["networks"]).names
        assert networks == plan_contest(config, ["keras"]).names
        assert "mlp" in networks
        left = plan_contest(config, ["all"], ["h2o", "keras", "ridge"])
        kinds = {category_of(catalogue.get(n).family) for n in left.names}
        assert not kinds & {"networks", "H2O"}
        assert left.left_out["ridge"] == left.left_out["sparkling_automl"] == "left out by --skip"
        assert set(left.config.models) == {"ridge", "lightgbm", *left.names}

    def test_what_is_skipped_is_not_trained_within_a_blend(self, make_run: Maker) -> None:
        config, _ = make_run("models.own.model=h2o_tpot_ensemble", "models.own.preset=demo")
        blends = ("h2o_tpot_ensemble", "gpu_boosting_ensemble", "high_memory")
        for word in ("h2o", "H2O", "h2o_automl"):
            left = plan_contest(config, ["all"], [word])
            assert left.left_out["h2o_tpot_ensemble"] == "left out by --skip: it trains h2o_automl"
            assert left.left_out["own"] == "left out by --skip: it trains h2o_automl"
            assert {"gpu_boosting_ensemble", "high_memory", "tpot"} <= set(left.names)
        left = plan_contest(config, ["all"], ["search"])
        assert left.left_out["own"] == "left out by --skip: it trains tpot"
        left = plan_contest(config, ["all"], ["boosting"])
        assert "lightgbm and xgboost" in left.left_out["high_memory"]
        assert not {"gpu_boosting_ensemble", "high_memory"} & set(left.names)
        assert set(blends) <= set(plan_contest(config, ["all"], ["ridge"]).names)
        assert not set(blends) & set(plan_contest(config, ["h2o", "boosting"]).names)
        with pytest.raises(ConfigError, match="no model left.*it trains h2o_automl"):
            plan_contest(config, ["h2o_tpot_ensemble"], ["h2o"])

    @pytest.mark.parametrize(
        ("jobs", "models", "places"), [(0, 2, 2), (0, 3, 3), (8, 3, 3), (2, 3, 2), (1, 3, 1)]
    )
    def test_few_models_share_the_whole_machine(
        self, make_run: Maker, monkeypatch: pytest.MonkeyPatch, jobs: int, models: int, places: int
    ) -> None:
        for module in ("training.comparison_plan", "training.spread"):
            monkeypatch.setattr(f"{module}.cores", lambda: 16)
        monkeypatch.setattr("training.comparison.memory_limit", lambda: 32.0)
        config, run = make_run("training.threads=0", f"engine.jobs={jobs}")
        contest = plan_contest(config, ["ridge", "lightgbm", "catboost"][:models])
        share = int(config.engine.memory_share * 32 * 1024 / places)
        assert shared_memory(contest) == share
        job = Job.of(side_by_side(contest).config, run, "ridge")
        assert needs_of(job).threads == 16 // places

    def test_disabled_models_take_part_only_by_name(self, make_run: Maker) -> None:
        config, _ = make_run("models.ridge.enabled=false")
        assert "enabled is false" in plan_contest(config, ["all"]).left_out["ridge"]
        assert plan_contest(config, ["ridge"]).config.models["ridge"].enabled

    @pytest.mark.parametrize(
        ("models", "skip", "words"),
        [
            (["lightgbn"], [], "no such model, family or category.*lightgbm"),
            (["all"], ["h20"], "no such model, family or category.*h2o"),
            (["ridge"], ["ridge"], "no model left to compare"),
        ],
    )
    def test_words_that_mean_nothing_are_refused(
        self, make_run: Maker, models: list[str], skip: list[str], words: str
    ) -> None:
        config, _ = make_run()
        with pytest.raises(ConfigError, match=words):
            plan_contest(config, models, skip)


class TestHaste:
    def test_many_eras_are_thinned_within_each_fold(
        self, make_run: Maker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("training.comparison_plan.LEAST_ERAS", 3)
        config, run = make_run(*SERIAL)
        contest = plan_contest(config, ["ridge"])
        assert thinned(contest, run, 1e6, 2) == contest
        hasty = thinned(contest, run, 1e-6, 1)
        _, plan = open_shards(config, run)
        step = min(len(fold.train) for fold in plan.folds) // 3
        assert step > 1
        assert hasty.config.training.eras == f"all&every:{step}"
        result = compare(hasty, run, Limits(within=120))
        assert result["training_eras"] == f"all&every:{step}"
        assert rows_of(result)["ridge"]["status"] == "ok"
        assert thinned(contest, run, 1e-6, 1) == hasty

    def test_about_as_much_time_goes_on_with_the_same_eras(
        self, make_run: Maker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("training.comparison_plan.LEAST_ERAS", 3)
        config, run = make_run(*SERIAL)
        contest = plan_contest(config, ["ridge"])
        hasty = thinned(contest, run, 1e-6, 1)
        compare(hasty, run, Limits(within=120))
        data, plan = open_shards(config, run)
        rows = sum(data.rows(fold.train, plan.target) for fold in plan.folds)
        rows += data.rows(plan.final, plan.target)
        every = int(hasty.config.training.eras.rpartition(":")[2])
        enough = rows * len(data.spec.names) / CELLS_PER_SECOND / every
        for times in (1.0, 1.9):
            assert thinned(contest, run, enough * times, 1) == hasty
        assert thinned(contest, run, enough * every * 3, 1) == (contest if every > 2 else hasty)

    def test_what_is_trained_on_all_eras_is_not_thinned_away(
        self, make_run: Maker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("training.comparison_plan.LEAST_ERAS", 3)
        config, run = make_run(*SERIAL)
        train_model(config, run, "ridge")
        contest = plan_contest(config, ["ridge", "lightgbm"])
        assert thinned(contest, run, 1e-6, 1) == contest

    def test_what_no_time_is_left_for_is_a_row(self, make_run: Maker) -> None:
        config, run = make_run(*SERIAL)
        contest = plan_contest(config, ["ridge", "lightgbm"])
        compare(plan_contest(config, ["ridge"]), run, Limits())
        rows = rows_of(compare(contest, run, Limits(within=0.5)))
        assert rows["ridge"]["status"] == "ok"
        assert rows["lightgbm"]["status"] == "not run"
        assert "no time was left" in rows["lightgbm"]["reason"]
        assert not run.path("models", "lightgbm").exists()


def test_a_model_that_fails_is_a_row_and_the_others_go_on(make_run: Maker) -> None:
    ways = {"hungry": "eats memory", "lonely": "lacks a library", "mortal": "dies"}
    config, run = make_run(
        *SERIAL,
        *unruly_models(**ways),
        "models.hungry.needs.memory_mb=900",
        "models.dud.model=ridge",
        f"models.dud.continue_from={Path(FILE).parent}",
        "models.huge.model=ridge",
        "models.huge.needs.memory_mb=99000000",
    )
    contest = plan_contest(config, [*ways, "dud", "huge", "ridge", "lightgbm"])
    result = compare(contest, run, Limits(memory_mb=6000))
    rows = rows_of(result)
    assert rows["ridge"]["status"] == rows["lightgbm"]["status"] == "ok"
    assert rows["hungry"]["status"] == "memory"
    assert "900 MiB are allowed" in rows["hungry"]["reason"]
    assert rows["lonely"]["reason"] == "nothing is installed. Install it."
    assert rows["mortal"]["status"] == "failed"
    assert "SystemExit: 3" in rows["mortal"]["reason"]
    assert "cannot go on from an earlier fit" in rows["dud"]["reason"]
    assert "no machine has that" in rows["huge"]["reason"]
    assert [row["status"] for row in result["rows"][:2]] == ["ok", "ok"]


def test_a_model_that_never_ends_is_a_row_and_begun_again_with_other_limits_alone(
    make_run: Maker,
) -> None:
    config, run = make_run(*SERIAL, *unruly_models(endless="never ends", mortal="dies"))
    compare(plan_contest(config, ["ridge"]), run, Limits())
    contest, kept = plan_contest(config, ["endless", "mortal", "ridge"]), stamps(run)
    rows = rows_of(compare(contest, run, Limits(seconds=8)))
    assert rows["endless"]["status"] == "timeout"
    assert "longer than 8 s" in rows["endless"]["reason"]
    assert rows["mortal"]["status"] == "failed"
    assert rows["ridge"]["status"] == "ok"
    before = read_outcomes(run.path(JOBS))
    again = rows_of(compare(contest, run, Limits(seconds=8)))
    after = read_outcomes(run.path(JOBS))
    assert again["endless"] == rows["endless"]
    assert after["compare.endless"] == before["compare.endless"]
    assert all(stamps(run)[path] == stamp for path, stamp in kept.items())
    more = rows_of(compare(plan_contest(config, ["endless"]), run, Limits(seconds=0.5)))
    assert "longer than 0.5 s" in more["endless"]["reason"]


def test_the_best_of_a_category_has_the_highest_corr(make_run: Maker) -> None:
    config, run = make_run(
        *SERIAL, "models.weak.model=lightgbm", "models.weak.params.n_estimators=1"
    )
    result = compare(plan_contest(config, ["weak", "lightgbm", "ridge"]), run, Limits())
    rows = rows_of(result)
    ranked = [row for row in result["rows"] if row.get("category") in ("boosting", "linear")]
    assert [r["corr"] for r in ranked] == sorted((r["corr"] for r in ranked), reverse=True)
    better, worse = sorted(("weak", "lightgbm"), key=lambda n: rows[n]["corr"], reverse=True)
    assert (rows[better]["best"], rows[worse]["best"]) == (True, False)


@pytest.mark.parametrize("delay", [3.0])
def test_killed_and_called_again_equals_uninterrupted(make_run: Maker, delay: float) -> None:
    settings = (*SERIAL, "models.lightgbm.params.n_estimators=200")
    config, run = make_run(*settings)
    _, whole = make_run(*settings, name="whole")
    script = run.path("driver.py")
    script.write_text(
        "import json, sys; from pathlib import Path; from erazoo.config import Config\n"
        "from erazoo.rundir import RunDir; from training.comparison import *\n"
        "from training.comparison_plan import plan_contest\n"
        "if __name__ == '__main__':\n"
        " config = Config.model_validate(json.loads(sys.argv[1]))\n"
        " contest = plan_contest(config, ['ridge', 'lightgbm'])\n"
        " compare(contest, RunDir(Path(sys.argv[2])), Limits())"
    )
    words = [sys.executable, str(script), config.model_dump_json(), str(run.root)]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    contest = plan_contest(config, ["ridge", "lightgbm"])
    rows = rows_of(compare(contest, run, Limits()))
    assert rows["ridge"]["status"] == rows["lightgbm"]["status"] == "ok"
    for name in ("ridge", "lightgbm"):
        train_model(contest.config, whole, name)
        for file in ("out_of_fold.parquet", "held_out.parquet"):
            ours = run.path("models", name, file).read_bytes()
            assert ours == whole.path("models", name, file).read_bytes()
    assert not list(run.path("models").rglob("begun.json"))


def test_shards_that_are_written_anew_have_another_content(make_run: Maker) -> None:
    config, run = make_run()
    before = content_of(run)
    assert content_of(run) == before == Manifest.load(run.path("shards")).facts["content"]
    _, run = make_run("split.folds=3")
    assert content_of(run) != before
    shard(config, run)
    assert content_of(run) == before


def test_a_job_imports_no_more_than_its_model_needs() -> None:
    heavy = ("tensorflow", "h2o", "mlflow", "ray", "pandas", "sklearn", "plotly", "scipy.stats")
    code = (
        "import sys; from erazoo.engine.job import resolve; from zoo import catalogue\n"
        "resolve('training.comparison_job:train_one'); catalogue.get('ridge')\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_models_of_fast_families_take_turns_in_haste(make_run: Maker) -> None:
    config, _ = make_run()
    names = ["linear", "boosting", "trees", "neighbours", "mlp", "h2o_gbm"]
    order = in_turns(plan_contest(config, names)).names
    families = [catalogue.get(name).family for name in order]
    assert families[:6] == ["linear", "boosting", "trees"] * 2
    assert families[-2:] == ["keras", "h2o"]
    assert set(order) == set(plan_contest(config, names).names)


def test_no_model_takes_more_than_a_third_in_haste(make_run: Maker) -> None:
    config, run = make_run(*SERIAL, *unruly_models(endless="never ends"))
    contest = plan_contest(config, ["endless", "ridge", "lightgbm"])
    first = replace(contest, names=("endless", "ridge", "lightgbm"))
    alone = rows_of(compare(plan_contest(config, ["endless"]), run, Limits(within=2)))
    assert "longer than 2 s" in alone["endless"]["reason"]
    rows = rows_of(compare(first, run, Limits(within=6)))
    assert "longer than 2 s" in rows["endless"]["reason"]
    assert "no time was left" not in str(rows["ridge"].get("reason"))


def test_nothing_trained_is_a_table_of_reasons(make_run: Maker) -> None:
    config, run = make_run(*SERIAL, "models.ridge.needs.memory_mb=99000000")
    result = compare(plan_contest(config, ["ridge"]), run, Limits())
    assert [row["status"] for row in result["rows"]] == ["failed"]
    assert result["eras"] == 0


@pytest.mark.long
def test_two_at_a_time_on_ray_give_the_same(make_run: Maker) -> None:
    config, run = make_run("engine.jobs=2", "split.folds=1")
    _, whole = make_run("split.folds=1", name="whole")
    contest = plan_contest(config, ["ridge", "lightgbm"])
    rows = rows_of(compare(contest, run, Limits(seconds=300, memory_mb=shared_memory(contest))))
    assert rows["ridge"]["status"] == rows["lightgbm"]["status"] == "ok"
    for name in contest.names:
        train_model(contest.config, whole, name)
        ours = run.path("models", name, "out_of_fold.parquet").read_bytes()
        assert ours == whole.path("models", name, "out_of_fold.parquet").read_bytes()


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("victim", "state"), [(True, "failed"), (False, "timeout")])
def test_an_h2o_server_that_dies_or_never_ends_is_a_row_and_leaves_nothing(
    make_run: Maker, victim: bool, state: str
) -> None:
    config, run = make_run(
        *SERIAL,
        "models.slow.model=h2o_gbm",
        "models.slow.params.ntrees=100000",
        "models.slow.params.memory_mb=1024",
    )
    contest = plan_contest(config, ["slow", "ridge"])
    results: list[dict[str, Any]] = []
    limits = Limits(seconds=60)
    work = threading.Thread(target=lambda: results.append(compare(contest, run, limits)))
    work.start()
    while victim and not (javas := [p for p in processes_of(run) if p.name() == "java"]):
        assert work.is_alive()
        time.sleep(0.2)
    if victim:
        time.sleep(3)
        javas[0].kill()
    work.join()
    rows = rows_of(results[0])
    assert rows["slow"]["status"] == state
    assert rows["slow"]["reason"]
    assert rows["ridge"]["status"] == "ok"
    assert not processes_of(run)


def processes_of(run: RunDir) -> list[psutil.Process]:
    """What works in a run directory beside this process."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if str(run.root) in " ".join(process.cmdline()):
                found.append(process)
    return found
