"""Drivers, jobs and workers that are killed: what has ended is kept, and nothing is done twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import psutil
import pytest
from contracts.engine_contract import until
from contracts.mining import lines

from erazoo.config import describe
from search.api import Mining, check_progress, evaluate_completed, resume, stop, wait
from search.driver import mine
from search.predictions import PredictionFile
from search.rows import Rows

ROOT = Path(__file__).resolve().parents[2]
TRIALS = 10
SLOW = (
    f"mine.trials={TRIALS}",
    "mine.space.n_estimators={low=400, high=600}",
    "mine.prefixes=[100]",
    "mine.batch=4",
)


class Driver:
    """A process that mines, and what is below it."""

    def __init__(self, mining: Mining, config: Path) -> None:
        self.mining = mining
        words = ["mine", "start", "--foreground", "--config", str(config)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "erazoo", *words, "--run-dir", str(mining.run.root)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self) -> int:
        path = self.mining.folder.results
        return len(lines_so_far(path))

    def until_more(self, count: int) -> None:
        until(lambda: self.ended() >= count or self.process.poll() is not None, 120)

    def below(self, kind: str) -> list[psutil.Process]:
        """The process of the job, or its workers."""
        try:
            every = psutil.Process(self.process.pid).children(recursive=True)
            jobs = [one for one in every if "erazoo.engine.child" in one.cmdline()]
            forked = {one.pid for one in jobs for one in one.children()}
        except psutil.NoSuchProcess:
            return []
        return [one for one in jobs if (one.pid in forked) is (kind == "worker")]

    def kill(self, kind: str) -> bool:
        """Kill one process; whether there was one."""
        if kind == "driver":
            there = self.process.poll() is None
            self.process.kill()
            self.process.communicate()
            return there
        found = self.below(kind)[:1]
        for one in found:
            one.kill()
        return bool(found)

    def finish(self) -> None:
        _, said = self.process.communicate(timeout=300)
        assert self.process.returncode == 0, said


def lines_so_far(path: Path) -> list[dict]:
    """Whole lines, also while one is written."""
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def started(mining: Mining, tmp_path: Path) -> Driver:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(describe(mining.config)), encoding="utf-8")
    return Driver(mining, config)


def check_whole(mining: Mining, standing: list[dict], trials: int = TRIALS) -> None:
    """Every trial once, what stood before as it was, and predictions in every slot."""
    found = lines(mining.folder.results)
    assert found[: len(standing)] == standing
    numbers = Counter(line["trial"] for line in found)
    assert set(numbers.values()) == {1}
    assert 0 in numbers
    assert Counter(line["state"] for line in found) == {"complete": trials + 1}
    configurations = [one for line in found for one in line["configurations"]]
    assert len({one["id"] for one in configurations}) == len(configurations)
    rows = Rows.read(mining.folder.rows)
    values = PredictionFile(mining.folder.predictions, len(rows)).read(
        [one["slot"] for one in configurations]
    )
    assert (values.std(axis=0) > 0).all()
    assert evaluate_completed(mining).height == len(configurations)
    now = check_progress(mining)
    assert (now.state, now.finished, now.failed, now.running) == ("finished", trials, 0, 0)


def test_a_killed_driver_loses_at_most_what_ran(make_study, tmp_path) -> None:
    mining = make_study(*SLOW)
    driver = started(mining, tmp_path)
    driver.until_more(3)
    jobs = [*driver.below("job"), *driver.below("worker")]
    driver.kill("driver")
    assert jobs
    until(lambda: not any(one.is_running() and one.status() != "zombie" for one in jobs), 20)
    standing = lines_so_far(mining.folder.results)
    assert 3 <= len(standing) <= TRIALS
    assert check_progress(mining).state == "ended"
    driver = started(mining, tmp_path)
    driver.finish()
    check_whole(mining, standing)


@pytest.mark.long
def test_killed_workers_and_jobs_are_replaced(make_study, tmp_path) -> None:
    mining = make_study(*SLOW)
    driver = started(mining, tmp_path)
    driver.until_more(2)
    until(lambda: driver.below("worker") or driver.process.poll() is not None, 60)
    driver.kill("worker")
    driver.until_more(5)
    until(lambda: driver.below("job") or driver.process.poll() is not None, 60)
    driver.kill("job")
    driver.finish()
    check_whole(mining, [])


def test_stopping_is_in_order_and_resuming_goes_on(make_study) -> None:
    from search.api import start_mining

    mining = make_study(*SLOW)
    start_mining(mining.config, run_dir=mining.run.root)
    until(lambda: len(lines_so_far(mining.folder.results)) >= 2, 120)
    assert check_progress(mining).state == "running"
    assert stop(mining)
    assert not stop(mining)
    assert check_progress(mining).state == "stopped"
    standing = lines_so_far(mining.folder.results)
    assert len(standing) <= TRIALS
    resume(mining)
    wait(mining, 200)
    check_whole(mining, standing)


def test_a_notebook_that_ends_leaves_mining_alone(make_study, tmp_path) -> None:
    mining = make_study("mine.trials=3")
    config = tmp_path / "config.json"
    config.write_text(json.dumps(describe(mining.config)), encoding="utf-8")
    notebook = (
        "import os, sys; from search.api import start_mining;"
        "start_mining(sys.argv[1], run_dir=sys.argv[2]); os.kill(os.getpid(), 9)"
    )
    words = [sys.executable, "-c", notebook, str(config), str(mining.run.root)]
    ended = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert ended.returncode == -9
    assert wait(mining, 120).state == "finished"
    assert len(lines(mining.folder.results)) == 4


@pytest.mark.long
def test_ten_kills_at_random(make_study, tmp_path) -> None:
    chance = random.Random(4)
    count = 24
    slow = ("mine.space.n_estimators={low=2500, high=3500}", f"mine.trials={count}")
    mining = make_study(*SLOW, *slow)
    standing: list[dict] = []
    driver = started(mining, tmp_path)
    for kind in ("driver", "worker", "job", "driver", "worker") * 2:
        until(partial(driver.below, "worker"), 120)
        time.sleep(chance.uniform(0, 1.5))
        assert driver.kill(kind)
        if kind == "driver":
            driver = started(mining, tmp_path)
        now = lines_so_far(mining.folder.results)
        assert now[: len(standing)] == standing
        standing = now
    assert len(standing) < count + 1
    driver.finish()
    check_whole(mining, standing, count)


@pytest.mark.long
def test_a_cluster_that_loses_a_node_finishes_every_trial(make_study) -> None:
    """Two simulated nodes; the one that trains goes away, its batch goes on elsewhere."""
    import ray
    from ray.cluster_utils import Cluster

    ray.shutdown()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    lost = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    raylet = psutil.Process(lost.all_processes["raylet"][0].process.pid)
    own = ("mine.workers=1", "mine.jobs=0", "mine.batch=2", "engine.backend=auto")
    mining = make_study(*SLOW, *own, f"engine.ray_address={cluster.address}")
    gone: list[int] = []

    def at_work() -> bool:
        busy = any("erazoo.engine.child" in one.cmdline() for one in raylet.children(True))
        return busy and len(lines_so_far(mining.folder.results)) >= 3

    def lose() -> None:
        until(at_work, 200)
        gone.append(len(lines_so_far(mining.folder.results)))
        cluster.remove_node(lost, allow_graceful=False)

    loser = threading.Thread(target=lose)
    loser.start()
    try:
        mine(mining.config, mining.run)
    finally:
        loser.join()
        cluster.shutdown()
    assert gone
    assert gone[0] < TRIALS + 1
    check_whole(mining, [])
