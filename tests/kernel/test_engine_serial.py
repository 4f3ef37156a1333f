"""The engine with one job after the other, and inside the command itself."""

from __future__ import annotations

import os

import pytest
from contracts.engine_contract import EngineContract, job, living

from erazoo.config.schema import EngineSection
from erazoo.engine import watch
from erazoo.engine.job import Needs
from erazoo.engine.run import Engine


class TestSerial(EngineContract):
    @pytest.fixture
    def settings(self) -> EngineSection:
        return EngineSection(backend="serial", jobs=1)

    def test_outcomes_come_in_the_order_of_jobs(self, run) -> None:
        assert list(run([job(name, "who") for name in "cab"])) == ["c", "a", "b"]

    def test_a_reused_process_ends_with_the_engine(self, tmp_path, settings) -> None:
        with Engine(tmp_path, settings) as engine:
            (one,) = engine.run([job("a", "who", reuse=True)])
            assert living(one.value)
        assert not living(one.value)

    def test_a_reused_process_is_replaced_when_it_is_old(self, run, monkeypatch) -> None:
        monkeypatch.setattr(watch, "REUSES", 3)
        outcomes = run([job(f"j{k}", "who", reuse=True) for k in range(7)])
        pids = [outcomes[f"j{k}"].value for k in range(7)]
        assert [pids.index(pid) for pid in pids] == [0, 0, 0, 3, 3, 3, 6]

    def test_a_reused_process_is_replaced_when_it_holds_much(self, run) -> None:
        needs = Needs(memory_mb=60)
        outcomes = run(
            [
                job("keeps", "keep", needs, mb=25, reuse=True),
                job("next", "who", needs, reuse=True),
                job("after", "who", needs, reuse=True),
            ]
        )
        pids = [outcomes[name].value for name in ("keeps", "next", "after")]
        assert pids[0] != pids[1] == pids[2]

    def test_a_job_is_given_as_many_gpus_as_it_asks_for(self, run, monkeypatch) -> None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
        seen = {"CUDA_VISIBLE_DEVICES": ""}
        outcomes = run(
            [job(f"g{n}", "environment", Needs(gpus=n), **seen) for n in (0, 0.5, 1, 2, 3)]
        )
        assert [
            next(iter((outcomes[f"g{n}"].value or {"": ""}).values())) for n in (0, 0.5, 1, 2)
        ] == [
            "-1",
            "2",
            "2",
            "2,5",
        ]
        assert "there is" in outcomes["g3"].reason

    def test_memory_beyond_the_share_is_refused(self, tmp_path) -> None:
        settings = EngineSection(backend="serial", memory_share=1e-6)
        jobs = [job("a", "who", Needs(memory_mb=500))]
        (outcome,) = Engine(tmp_path, settings).run(jobs)
        assert outcome.state == "failed"
        assert "it needs 1 cores, 500 MiB" in outcome.reason

    def test_a_job_that_ignores_stops_is_killed_in_the_end(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr(watch, "GRACE_SECONDS", 0.5)
        flag = tmp_path / "flag"

        def stop(*_: object) -> bool:
            if flag.exists() and flag.read_text():
                raise KeyboardInterrupt
            return False

        monkeypatch.setattr("erazoo.engine.tree.Tree.exceeds", stop)
        jobs = [job("deaf", "ignore_stops", Needs(memory_mb=1000), path=str(flag))]
        with pytest.raises(KeyboardInterrupt):
            list(Engine(tmp_path / "jobs", EngineSection(backend="serial")).run(jobs))
        assert not living(int(flag.read_text()))


@pytest.mark.parametrize("settings", [{"jobs": 1}, {"jobs": 2}])
def test_a_job_that_is_alone_needs_no_ray(settings, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("erazoo.engine.ray_start._module", lambda: pytest.fail("ray is imported"))
    jobs = [job(name, "who") for name in "abc"[: 4 - 2 * settings["jobs"] + 1]]
    outcomes = list(Engine(tmp_path, EngineSection(**settings)).run(jobs))
    assert [o.state for o in outcomes] == ["ok"] * len(jobs)


class TestDebug:
    SETTINGS = EngineSection(backend="debug")

    def test_calls_run_in_this_very_process(self, tmp_path) -> None:
        jobs = [job("a", "who"), job("b", "echo", x=(1, 2))]
        outcomes = list(Engine(tmp_path, self.SETTINGS).run(jobs))
        assert [o.value for o in outcomes] == [os.getpid(), {"x": [1, 2]}]

    def test_the_first_failure_is_raised_as_it_is(self, tmp_path) -> None:
        outcomes = Engine(tmp_path, self.SETTINGS).run([job("a", "who"), job("b", "fail")])
        assert next(outcomes).id == "a"
        with pytest.raises(ValueError, match="call 1 fails"):
            next(outcomes)
