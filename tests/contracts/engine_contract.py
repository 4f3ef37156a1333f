"""What every backend of the engine that runs jobs in processes keeps to."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from erazoo.config.schema import EngineSection
from erazoo.engine.job import Job, Needs, Outcome
from erazoo.engine.journal import JOURNAL, read_outcomes
from erazoo.engine.run import Engine
from erazoo.errors import ConfigError

CALLS = "contracts.engine_jobs:"


def job(name: str, call: str, needs: Needs | None = None, **options: Any) -> Job:
    """A job of one of the calls in `engine_jobs`; options that no job has are its arguments."""
    limits = {k: options.pop(k) for k in ("timeout_s", "retries", "reuse") if k in options}
    return Job(name, CALLS + call, options, needs or Needs(), **limits)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def living(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


ENDS = {
    "returns": (job("returns", "echo", x=[1, None, "ä"]), "ok", ""),
    "raises": (job("raises", "fail"), "failed", "ValueError: call 1 fails"),
    "raises-ours": (job("raises-ours", "wrong_data"), "failed", "the data are bad. Received: 3."),
    "exits": (job("exits", "system_exit"), "failed", "SystemExit: no more"),
    "leaves": (job("leaves", "leave", code=0), "died", "exit code 0 and no answer"),
    "is-killed": (job("is-killed", "kill_itself"), "died", "SIGKILL; the system may be out of"),
    "crashes": (job("crashes", "kill_itself", by="SIGSEGV"), "died", "ended by SIGSEGV"),
    "is-stopped": (job("is-stopped", "kill_itself", by="SIGINT"), "interrupted", "to stop"),
    "sleeps": (job("sleeps", "hold", mb=1, timeout_s=0.7), "timeout", "longer than 0.7 s"),
    "eats": (
        job("eats", "hold", Needs(memory_mb=300), mb=600),
        "memory",
        r"it held \d{3,} MiB, 300 MiB are allowed",
    ),
    "its-child-eats": (
        job("its-child-eats", "hold_below", Needs(memory_mb=300), mb=600),
        "memory",
        r"it held \d{3,} MiB, 300 MiB are allowed",
    ),
    "runs-out": (job("runs-out", "memory_error"), "memory", "could not get more memory"),
    "answers-sets": (job("answers-sets", "not_json"), "failed", "not plain JSON"),
    "answers-nan": (job("answers-nan", "not_a_number"), "failed", "not plain JSON"),
    "answers-much": (job("answers-much", "much", size=2 << 20), "failed", "takes 2.1 MB"),
    "asks-stdin": (job("asks-stdin", "read_stdin"), "ok", ""),
    "no-module": (Job("no-module", "not.there:f"), "failed", "ModuleNotFoundError"),
    "no-function": (job("no-function", "missing"), "failed", "has no attribute 'missing'"),
    "too-big": (job("too-big", "echo", Needs(cpus=4096)), "failed", "it needs 4096 cores"),
}


class EngineContract:
    """Inherited by each backend, which gives the fixture `settings`."""

    @pytest.fixture
    def settings(self) -> EngineSection:
        raise NotImplementedError

    @pytest.fixture
    def run(self, tmp_path: Path, settings: EngineSection) -> Callable[..., dict[str, Outcome]]:
        def of(jobs: Iterable[Job], **options: Any) -> dict[str, Outcome]:
            outcomes = list(Engine(tmp_path / "jobs", settings).run(jobs, **options))
            assert len({o.id for o in outcomes}) == len(outcomes)
            return {o.id: o for o in outcomes}

        return of

    def test_every_way_to_end_is_told_and_costs_no_other_job(self, run, tmp_path) -> None:
        outcomes = run([one for one, _, _ in ENDS.values()])
        states = {name: o.state for name, o in outcomes.items()}
        assert states == {name: state for name, (_, state, _) in ENDS.items()}
        for name, (_, _, reason) in ENDS.items():
            assert re.search(reason, outcomes[name].reason), outcomes[name].reason
        assert outcomes["returns"].value == {"x": [1, None, "ä"]}
        assert outcomes["asks-stdin"].value == ""
        assert outcomes["raises-ours"].exit_code == 3
        assert outcomes["eats"].peak_mb > 300
        assert outcomes["its-child-eats"].peak_mb > 300
        assert {o.attempts for o in outcomes.values() if o.id != "too-big"} == {1}
        assert outcomes["too-big"].attempts == 0
        assert "ValueError: call 1 fails" in outcomes["raises"].log.read_text()
        assert "Segmentation fault" in outcomes["crashes"].log.read_text()
        unrecorded = {"too-big", "is-stopped"}
        assert set(read_outcomes(tmp_path / "jobs")) == set(ENDS) - unrecorded

    def test_retries_follow_failures_and_deaths_only(self, run, tmp_path) -> None:
        counts = [str(tmp_path / f"count-{k}") for k in range(2)]
        outcomes = run(
            [
                job("in-time", "fail", path=counts[0], times=2, retries=2),
                job("never", "fail", path=counts[1], retries=1),
                job("dies", "kill_itself", retries=2),
                job("slow", "hold", mb=1, timeout_s=0.5, retries=3),
            ]
        )
        seen = {name: (o.state, o.attempts) for name, o in outcomes.items()}
        assert seen == {
            "in-time": ("ok", 3),
            "never": ("failed", 2),
            "dies": ("died", 3),
            "slow": ("timeout", 1),
        }
        assert [Path(count).stat().st_size for count in counts] == [3, 2]
        assert outcomes["in-time"].log.read_text().count("attempt ") == 3

    def test_what_it_took_is_measured(self, run) -> None:
        outcomes = run(
            [
                job("holds", "hold", mb=200, seconds=0.2),
                job("holds-below", "hold_below", mb=200, seconds=0.8),
                job("spins", "spin", seconds=0.6),
                job("shares", "hold_and_fork", Needs(memory_mb=300), mb=150, forks=3, seconds=1),
            ]
        )
        assert all(o.ok for o in outcomes.values()), outcomes
        assert 200 < outcomes["holds"].peak_mb < 280
        assert 200 < outcomes["holds-below"].peak_mb < 320
        assert 0.6 <= outcomes["spins"].cpu_seconds < 1.5
        assert outcomes["spins"].seconds >= 0.6
        assert os.uname().nodename in outcomes["spins"].node

    def test_megabytes_of_output_end_in_the_log(self, run) -> None:
        outcome = run([job("talks", "chatter", mb=8)])["talks"]
        text = outcome.log.read_text()
        assert outcome.value == 8
        assert len(text) > 8 << 20
        assert {"the end", "from a shell"} <= set(text.splitlines())

    def test_what_a_job_started_ends_with_it(self, run, tmp_path) -> None:
        paths = [str(tmp_path / name) for name in ("ended", "died", "reused")]
        outcomes = run(
            [
                job("ended", "leave_behind", path=paths[0]),
                job("died", "leave_behind_and_die", path=paths[1]),
                job("reused", "leave_behind", path=paths[2], reuse=True),
            ]
        )
        assert [outcomes[n].state for n in ("ended", "died", "reused")] == ["ok", "died", "ok"]
        started = [int(pid) for path in paths for pid in Path(path).read_text().split()]
        assert len(started) == 9
        assert not [pid for pid in started if living(pid)]

    def test_a_process_killed_from_outside_is_its_job_alone(self, run, tmp_path) -> None:
        flag = tmp_path / "flag"

        def kill() -> None:
            until(lambda: flag.exists() and flag.read_text())
            os.kill(int(flag.read_text()), signal.SIGKILL)

        thread = threading.Thread(target=kill)
        thread.start()
        outcomes = run([job("victim", "flag", path=str(flag), seconds=60), job("other", "who")])
        thread.join()
        assert outcomes["victim"].state == "died"
        assert outcomes["other"].ok

    def test_limits_stand_in_the_environment_before_libraries_load(self, run) -> None:
        names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "GOMP_SPINCOUNT")
        wanted = dict.fromkeys((*names, "CUDA_VISIBLE_DEVICES"), "")
        outcomes = run(
            [
                job("one", "environment", **wanted),
                job("three", "environment", Needs(threads=3), **wanted),
                job("blas", "blas_threads"),
            ]
        )
        assert outcomes["one"].value == dict(zip(wanted, ("1", "1", "1000", "-1"), strict=True))
        assert outcomes["three"].value["OMP_NUM_THREADS"] == "3"
        assert outcomes["blas"].value == 1

    def test_the_same_call_repeats_nothing_that_finished(self, run, tmp_path) -> None:
        notes = tmp_path / "notes"
        notes.touch()

        def jobs(last: str) -> list[Job]:
            ids = ["a", "b", "c"]
            made = [job(i, "note", path=str(notes), word=i) for i in ids]
            return [*made, job("d", "note", path=str(notes), word=last), job("e", "fail")]

        first = run(jobs("d"))
        assert sorted(notes.read_text().split()) == ["a", "b", "c", "d"]
        again = run(jobs("d"))
        assert sorted(notes.read_text().split()) == ["a", "b", "c", "d"]
        assert all(o.recorded for o in again.values())
        assert {n: (o.state, o.value, o.seconds, o.log) for n, o in again.items()} == {
            n: (o.state, o.value, o.seconds, o.log) for n, o in first.items()
        }
        changed = run(jobs("D"))
        assert [n for n, o in changed.items() if not o.recorded] == ["d"]
        assert changed["d"].value == "D"
        redone = run(jobs("D"), redo=("failed",))
        assert [n for n, o in redone.items() if not o.recorded] == ["e"]

    def test_a_failure_stands_for_its_limits_only(self, run) -> None:
        def jobs(seconds: float) -> list[Job]:
            return [
                job("slow", "hold", mb=1, seconds=1.0, timeout_s=seconds),
                job("fast", "echo", timeout_s=seconds + 60),
            ]

        assert run(jobs(0.4))["slow"].state == "timeout"
        assert run(jobs(0.4))["slow"].recorded
        longer = run(jobs(30.0))
        assert longer["slow"].ok
        assert longer["fast"].recorded

    def test_reused_processes_are_shared_by_equal_limits_until_one_dies(self, run) -> None:
        def jobs(stem: str, **options: Any) -> list[Job]:
            return [job(f"{stem}{k}", "who", reuse=True, **options) for k in range(6)]

        fresh = [job(f"fresh{k}", "who") for k in range(3)]
        dies = job("dies", "kill_itself", reuse=True)
        wide = jobs("wide", needs=Needs(threads=2))
        groups = (jobs("a"), [dies], jobs("b"), wide, fresh)
        outcomes = run([one for group in groups for one in group])
        pids = [{outcomes[one.id].value for one in g} for g in groups if g != [dies]]
        assert outcomes["dies"].state == "died"
        assert len(pids[0] | pids[1]) < 12
        assert not pids[2] & (pids[0] | pids[1])
        assert len(pids[3]) == 3

    def test_jobs_that_depend_on_outcomes_are_asked_for_one_place_at_a_time(
        self, tmp_path, settings
    ) -> None:
        told: list[str] = []
        asked: list[tuple[int, int]] = []

        def ask() -> Iterator[Job]:
            for k in range(6):
                asked.append((k, len(told)))
                yield job(f"ask-{k}", "echo", k=k)

        told.extend(o.id for o in Engine(tmp_path / "jobs", settings).run(ask()))
        assert len(told) == 6
        places = settings.jobs or 2
        assert all(known >= k - places for k, known in asked)

    def test_leaving_the_loop_ends_running_jobs_in_order(self, tmp_path, settings) -> None:
        state = tmp_path / "state"
        jobs = [job("quick", "who"), job("long", "stop_in_order", path=str(state))]
        engine = Engine(tmp_path / "jobs", settings)
        for outcome in engine.run(jobs):
            assert outcome.id == "quick"
            if settings.backend == "ray":
                until(state.exists)
            break
        if state.exists():
            assert state.read_text() == "in order"
        assert set(read_outcomes(tmp_path / "jobs")) == {"quick"}

    def test_two_jobs_of_one_id_and_two_calls_at_once_are_refused(self, run, tmp_path, settings):
        with pytest.raises(ConfigError, match="two jobs have one id"):
            run([job("a", "who"), job("a", "who")])
        engine = Engine(tmp_path / "jobs", settings)
        first = engine.run([job("b", "who"), job("c", "who")])
        next(first)
        with pytest.raises(ConfigError, match="one call at a time"):
            next(engine.run([]))
        with pytest.raises(ConfigError, match="in use by another command"):
            next(Engine(tmp_path / "jobs", settings).run([]))
        first.close()

    def test_a_backend_serves_several_calls(self, tmp_path, settings) -> None:
        with Engine(tmp_path / "jobs", settings) as engine:
            one = next(engine.run([job("a", "who", reuse=True)]))
            two = list(engine.run([job(f"b{k}", "who", reuse=True) for k in range(4)]))
        assert one.ok
        assert len(two) == 4
        assert (tmp_path / "jobs" / JOURNAL).read_text().count("\n") == 5
