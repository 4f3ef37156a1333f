"""Commands that are killed or interrupted while their jobs run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest
from contracts.engine_contract import living, until
from contracts.engine_driver import jobs

from erazoo.engine.journal import JOURNAL, read_outcomes

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ["serial", pytest.param("ray", marks=pytest.mark.long)]


def start(folder: Path, backend: str) -> subprocess.Popen[str]:
    paths = [str(ROOT), str(ROOT / "tests")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "contracts.engine_driver", str(folder), backend]
    return subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(folder: Path, backend: str) -> None:
    driver = start(folder, backend)
    _, said = driver.communicate(timeout=300)
    assert driver.returncode == 0, said


def below(driver: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes of jobs, and what they started; Ray's own may take a minute to leave."""
    every = psutil.Process(driver.pid).children(recursive=True)
    return [one for one in every if {"erazoo.engine.child", "-c"} & set(one.cmdline())]


def check_all_done(folder: Path, standing: set[str]) -> None:
    """Everything is recorded once, and what stood before the kill ran once only."""
    outcomes = read_outcomes(folder / "jobs")
    assert {name for name, o in outcomes.items() if o.ok} == {one.id for one in jobs(folder)}
    lines = [line for line in (folder / "jobs" / JOURNAL).read_text().splitlines() if line]
    assert len(lines) == len(outcomes)
    ran = Counter((folder / "notes").read_text().split())
    assert {ran[name] for name in standing - {"slow"}} == {1}
    assert max(ran.values()) <= 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_killed_command_repeats_nothing_that_finished(tmp_path, backend) -> None:
    driver = start(tmp_path, backend)
    state = tmp_path / "state"
    until(lambda: len(read_outcomes(tmp_path / "jobs")) >= 3 and state.exists(), 200)
    started = below(driver)
    driver.kill()
    driver.communicate()
    assert started
    until(lambda: not any(living(one.pid) for one in started if one.is_running()), 10)
    standing = set(read_outcomes(tmp_path / "jobs"))
    assert 3 <= len(standing) < len(jobs(tmp_path))
    finish(tmp_path, backend)
    check_all_done(tmp_path, standing)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_interrupted_command_ends_its_jobs_in_order_and_goes_on(tmp_path, backend) -> None:
    driver = start(tmp_path, backend)
    state = tmp_path / "state"
    until(lambda: state.exists() and state.read_text(), 200)
    started = below(driver)
    os.killpg(driver.pid, signal.SIGINT)
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == -signal.SIGINT, said
    assert "jobs are ended before their time; what finished is kept in" in said
    assert state.read_text() == "in order"
    assert started
    until(lambda: not any(living(one.pid) for one in started if one.is_running()), 10)
    standing = set(read_outcomes(tmp_path / "jobs"))
    assert "slow" not in standing
    finish(tmp_path, backend)
    check_all_done(tmp_path, standing)
