"""What a driver leaves behind: half-made folders, failures, lost storages, older settings."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from contracts.mining import lines

from erazoo.engine.job import Outcome
from erazoo.errors import ConfigError, TrainingError
from erazoo.rundir import RunDir
from search import prepare
from search.api import Mining, check_progress, evaluate_completed, stop, wanted_trials
from search.background import start_driver
from search.driver import FRUITLESS, HOPELESS, TRIES, Driver, mine
from search.plan import Plan
from search.rows import Rows
from search.trial import BENCHMARK


def changed(mining: Mining, **values: object) -> Mining:
    section = mining.config.mine.model_copy(update=values)
    return Mining.of(mining.config.model_copy(update={"mine": section}), mining.run.root)


def rewrite(mining: Mining, failed: set[int]) -> None:
    """Let trials of a finished study have failed."""
    found = lines(mining.folder.results)
    for line in found:
        if line["trial"] in failed:
            line.update(state="failed", configurations=[], reason="no memory")
    text = "".join(json.dumps(line) + "\n" for line in found)
    mining.folder.results.write_text(text, encoding="utf-8")


def test_rows_of_a_plan_that_was_never_settled_are_written_anew(make_study, monkeypatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    first = make_study("mine.trials=1", "mine.folds.scheme=walk_forward", "mine.folds.folds=3")
    with monkeypatch.context() as patched:
        patched.setattr(prepare, "write_columns", interrupted)
        with pytest.raises(KeyboardInterrupt):
            mine(first.config, first.run)
    assert first.folder.rows.is_file()
    assert not first.folder.plan.is_file()
    folds = first.config.mine.folds.model_copy(update={"scheme": "two"})
    second = changed(first, folds=folds)
    mine(second.config, second.run)
    plan, rows = Plan.read(second.folder), Rows.read(second.folder.rows)
    assert tuple(rows.arrays["era_labels"]) == plan.folds.predicted
    assert evaluate_completed(second).height == 2


def test_results_without_their_plan_are_refused_and_kept(mined) -> None:
    held = mined.folder.results.read_bytes()
    mined.folder.plan.unlink()
    with pytest.raises(ConfigError, match="the plan that they are of is gone"):
        mine(mined.config, mined.run)
    assert mined.folder.results.read_bytes() == held


def test_forgetting_takes_results_first_and_the_plan_last(mined, monkeypatch) -> None:
    gone: list[str] = []
    plain, tree = Path.unlink, shutil.rmtree
    monkeypatch.setattr(Path, "unlink", lambda path: (gone.append(path.name), plain(path)))
    monkeypatch.setattr(shutil, "rmtree", lambda path: (gone.append(path.name), tree(path)))
    prepare.forget(mined.folder)
    assert (gone[0], gone[-1]) == ("results.jsonl", "plan.json")
    assert [path.name for path in mined.folder.root.iterdir()] == [".lock"]


def test_failed_trials_begin_again_under_their_numbers(mined) -> None:
    before = {line["trial"]: line for line in lines(mined.folder.results)}
    rewrite(mined, {BENCHMARK, 2, 5})
    assert check_progress(mined).failed == 2
    assert mine(mined.config, mined.run) == {"complete": 6}
    found = lines(mined.folder.results)
    assert Counter(line["trial"] for line in found) == {0: 2, 1: 1, 2: 2, 3: 1, 4: 1, 5: 2, 6: 1}
    for line in found[len(before) :]:
        for name in ("state", "configurations", "params", "target", "seed", "offsets"):
            assert line[name] == before[line["trial"]][name]
    assert (check_progress(mined).failed, check_progress(mined).finished) == (0, 6)
    assert evaluate_completed(mined).height == 20
    mine(mined.config, mined.run)
    assert lines(mined.folder.results) == found


def test_what_the_machine_is_to_blame_for_is_no_failure_of_a_trial(make_study) -> None:
    mining = make_study("mine.trials=3")
    mining.folder.predictions.mkdir(parents=True)
    mining.folder.plan.write_text("{}")
    with pytest.raises(ConfigError, match="another"):
        mine(mining.config, mining.run)
    mining.folder.plan.unlink()
    mine(mining.config, mining.run)
    count = len(lines(mining.folder.results))
    mining.folder.predictions.rename(mining.folder.root / "elsewhere")
    mining.folder.predictions.mkdir()
    more = changed(mining, trials=5)
    with pytest.raises(TrainingError, match="comes to nothing"):
        mine(more.config, more.run)
    assert len(lines(mining.folder.results)) == count
    mining.folder.predictions.rmdir()
    (mining.folder.root / "elsewhere").rename(mining.folder.predictions)
    assert mine(more.config, more.run) == {"complete": 5}
    assert {line["trial"] for line in lines(mining.folder.results)} == set(range(6))


def driver(mining: Mining) -> Driver:
    return Driver(mining.config, Plan.read(mining.folder), mining.folder)


def ended(state: str, one: Driver) -> Outcome:
    (name,) = one._batches
    facts = {"reason": "its process was ended by SIGKILL", "exit_code": 1, "seconds": 1.0}
    return Outcome(id=name, state=state, attempts=1, log=Path("log"), **facts)


def test_a_process_that_dies_is_held_against_the_trials_that_had_begun(mined) -> None:
    own = driver(changed(mined, trials=30, batch=10, workers=2))
    sizes, first = [], 0
    for _ in range(TRIES):
        batch = own._batch()
        sizes.append(len(batch))
        first = first or batch[0].number
        own._job(1, batch)
        own._settle(ended("died", own))
    failed = [line["trial"] for line in lines(mined.folder.results) if line["state"] == "failed"]
    assert sizes == [10, 1, 1]
    assert failed == [first]
    assert own.empty_batches == TRIES
    assert len(own._batch()) == 1


def test_a_batch_that_cannot_be_begun_is_no_failure_of_its_trials(mined) -> None:
    own = driver(changed(mined, trials=30, batch=10))
    with pytest.raises(TrainingError, match="comes to nothing"):
        for _ in range(FRUITLESS):
            own._job(1, own._batch())
            own._settle(ended("failed", own))
    assert all(line["state"] == "complete" for line in lines(mined.folder.results))


def test_failures_in_a_row_end_mining_also_after_successes(mined) -> None:
    own = driver(changed(mined, trials=60, batch=HOPELESS))
    batch = own._batch()
    held = lines(mined.folder.results)[-1]
    for trial in batch:
        line = {**held, "trial": trial.number, "state": "failed", "reason": "of no use"}
        with mined.folder.results.open("a") as stream:
            stream.write(json.dumps({**line, "configurations": []}) + "\n")
    with pytest.raises(TrainingError, match="trials failed"):
        own._look()


def test_a_storage_that_was_lost_ends_nothing(mined) -> None:
    for path in mined.folder.root.glob("study.db*"):
        path.unlink()
    more = changed(mined, trials=8)
    assert mine(more.config, more.run) == {"complete": 8}
    numbers = [line["trial"] for line in lines(mined.folder.results)]
    assert len(set(numbers)) == len(numbers) == 9
    assert min(numbers[7:]) >= 7
    ids = [c["id"] for line in lines(mined.folder.results) for c in line["configurations"]]
    assert len(ids) == len(set(ids))


def test_pruned_trials_are_not_drawn_again_after_a_stop(make_study, monkeypatch) -> None:
    monkeypatch.setattr("search.driver.REPEATS", 40)
    mining = make_study(
        "mine.space.learning_rate=[0.05, 0.1, 0.2]",
        "mine.space.colsample_bytree=[0.4, 1.0]",
        "mine.space.min_child_samples=5",
        "mine.space.max_bin=5",
        "mine.space.num_leaves=3",
        "mine.space.max_depth=2",
        "mine.pruning.by=halving",
        "mine.pruning.rungs=[0.5]",
        "mine.pruning.reduction=2",
        "mine.trials=50",
    )
    found = mine(mining.config, mining.run)
    assert found["pruned"] >= 1
    assert sum(found.values()) == 6
    assert mine(mining.config, mining.run) == found


def test_resuming_goes_on_to_what_was_wanted_last(mined) -> None:
    assert wanted_trials(changed(mined, trials=2)) == 6
    assert wanted_trials(changed(mined, trials=9)) == 9


def test_no_process_is_told_to_stop_that_does_not_mine(mined) -> None:
    """While a study is prepared, the last driver's number may be that of another process."""
    bystander = os.fork()
    if not bystander:
        time.sleep(30)
        os._exit(0)
    try:
        state = json.loads(mined.folder.state.read_text())
        mined.folder.state.write_text(json.dumps({**state, "process": bystander}))
        with RunDir(mined.folder.root).lock(), pytest.raises(ConfigError, match="being prepared"):
            stop(mined)
        assert os.waitpid(bystander, os.WNOHANG) == (0, 0)
    finally:
        os.kill(bystander, 9)
        os.waitpid(bystander, 0)


def test_a_second_start_does_not_take_the_first_for_its_own(mined) -> None:
    with RunDir(mined.folder.root).lock(), pytest.raises(TrainingError, match="is being mined"):
        start_driver(mined.folder, mined.run.root)


def test_who_looks_whether_a_study_is_mined_does_not_keep_a_driver_out(mined) -> None:
    def look() -> None:
        fcntl.flock(handle, fcntl.LOCK_SH)
        held.set()
        time.sleep(0.03)
        fcntl.flock(handle, fcntl.LOCK_UN)

    held = threading.Event()
    with (mined.folder.root / ".lock").open("rb") as handle:
        looker = threading.Thread(target=look)
        looker.start()
        held.wait()
        with RunDir(mined.folder.root).lock():
            assert mined.folder.is_mined()
        looker.join()


def test_values_that_the_model_refuses_are_refused_before_anything_is_mined(make_study) -> None:
    for own, name in (
        ("mine.space.learning_rate={low=0.5, high=2.0}", "learning_rate"),
        ("mine.space.n_estimators={low=10.0, high=20.0}", "n_estimators"),
        ("mine.space.num_leaves=[4, 1]", "num_leaves"),
    ):
        mining = make_study(own, name=name)
        with pytest.raises(ConfigError, match=name):
            mine(mining.config, mining.run)
        assert not mining.folder.plan.exists()


def test_a_disk_that_will_not_do_is_said_at_the_start(make_study, monkeypatch, caplog) -> None:
    mining = make_study("mine.trials=1")
    usage = shutil.disk_usage(mining.run.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    prepare.settle(mining.config, mining.run, mining.folder)
    assert "may take" in caplog.text
