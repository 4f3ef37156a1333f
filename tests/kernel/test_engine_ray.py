"""The engine on Ray: on this machine, and on a simulated cluster that loses a node."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from contracts.engine_contract import EngineContract, job, until

from erazoo.config.schema import EngineSection
from erazoo.engine import ray_start
from erazoo.engine.job import Needs
from erazoo.engine.journal import JOURNAL
from erazoo.engine.ray_start import Ray
from erazoo.engine.run import Engine
from erazoo.errors import MissingExtraError, RemoteError

if find_spec("ray") is None:
    pytest.skip("ray is not installed", allow_module_level=True)
LOADED_BEFORE = "ray" in sys.modules


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """The Ray of this process, as the engine starts it, for all tests of this module."""
    session = Ray(EngineSection(), {})
    yield session.module
    session.close()


class TestRay(EngineContract):
    @pytest.fixture
    def settings(self, ray) -> EngineSection:
        return EngineSection(backend="ray", jobs=2)

    def test_two_jobs_run_at_a_time(self, tmp_path, ray) -> None:
        marks = tmp_path / "marks"
        jobs = [job(f"j{k}", "span", path=str(marks), seconds=0.6) for k in range(5)]
        assert _most_at_once(jobs, tmp_path / "two", marks) == 2
        jobs = [job(f"w{k}", "span", Needs(cpus=2), path=str(marks), seconds=0.3) for k in range(3)]
        assert _most_at_once(jobs, tmp_path / "wide", marks) == 1

    @pytest.mark.skipif(LOADED_BEFORE, reason="it decides when it is loaded, which was before")
    def test_ray_listens_to_this_machine_alone(self, ray) -> None:
        root = psutil.Process()
        ports = []
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, FileNotFoundError):  # it has ended meanwhile
                ports += process.net_connections("tcp")
        ports = [one for one in ports if one.status == psutil.CONN_LISTEN]
        assert ports
        assert {one.laddr.ip.removeprefix("::ffff:") for one in ports} == {"127.0.0.1"}

    def test_a_node_with_other_versions_is_one_line(self, run, monkeypatch) -> None:
        monkeypatch.setattr("erazoo.engine.node.versions", lambda: "erazoo 99 on Python 2")
        with pytest.raises(RemoteError, match=r"has other versions.*Expected: erazoo 99") as told:
            run([job("a", "who")])
        assert "\n" not in told.value.message

    def test_the_end_of_a_log_comes_back_from_where_the_folder_is_not_seen(
        self, tmp_path, settings, monkeypatch
    ) -> None:
        engine = Engine(tmp_path / "jobs", settings)
        monkeypatch.setattr("erazoo.engine.schedule.log_path", _hidden)
        (outcome,) = engine.run([job("talks", "chatter", mb=1)])
        text = outcome.log.read_text()
        assert text.endswith("the end\nfrom a shell\n")
        assert 1 << 16 < len(text) < 1 << 17


def _hidden(folder: Path, name: str) -> _Hidden:
    return _Hidden(folder / f"{name}.log")


class _Hidden(type(Path())):
    """A path that another machine does not find."""

    def __reduce__(self) -> Any:
        return Path, ("/nowhere", self.name)


def _most_at_once(jobs: list[Any], folder: Path, marks: Path) -> int:
    marks.write_text("")
    assert all(o.ok for o in Engine(folder, EngineSection(backend="ray", jobs=2)).run(jobs))
    running = most = 0
    for _, step in sorted(line.split() for line in marks.read_text().splitlines()):
        running += int(step)
        most = max(most, running)
    return most


def test_a_missing_ray_is_one_line(monkeypatch, tmp_path) -> None:
    def missing(_: str) -> None:
        raise ImportError

    monkeypatch.setattr(ray_start, "import_module", missing)
    engine = Engine(tmp_path, EngineSection(backend="ray"))
    with pytest.raises(MissingExtraError, match=r"ray, which is not installed.*backend=serial"):
        list(engine.run([job("a", "who")]))


def test_a_cluster_that_is_not_there_is_one_line(tmp_path, monkeypatch) -> None:
    class Unstarted:
        @staticmethod
        def is_initialized() -> bool:
            return False

    monkeypatch.setattr(ray_start, "_module", Unstarted)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(RemoteError, match="the Ray cluster cannot be reached"):
        list(Engine(tmp_path, EngineSection(ray_address=address)).run([job("a", "who")]))


@pytest.mark.long
def test_a_cluster_that_loses_a_node_finishes_every_job(tmp_path) -> None:
    """Two nodes; the one that runs a job goes away, its job goes on elsewhere."""
    import ray
    from ray.cluster_utils import Cluster

    ray.shutdown()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 2})
    lost = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    marks = tmp_path / "marks"
    jobs = [job(f"j{k}", "span", path=str(marks), seconds=2.0) for k in range(8)]
    raylet = psutil.Process(lost.all_processes["raylet"][0].process.pid)

    def at_work() -> bool:
        return any("erazoo.engine.child" in one.cmdline() for one in raylet.children(True))

    outcomes = {}
    try:
        with Engine(tmp_path / "jobs", EngineSection(ray_address=cluster.address)) as engine:
            for outcome in engine.run(jobs):
                outcomes[outcome.id] = outcome
                if len(outcomes) == 2:
                    until(at_work)
                    cluster.remove_node(lost, allow_graceful=False)
            seen = {"CUDA_VISIBLE_DEVICES": ""}
            gpus = [job(f"g{n}", "environment", Needs(gpus=n), **seen) for n in (0, 1, 2, 3)]
            given = {o.id: o for o in engine.run(gpus)}
    finally:
        cluster.shutdown()
    assert {o.state for o in outcomes.values()} == {"ok"}
    assert len(outcomes) == 8
    assert len({o.node for o in outcomes.values()}) == 2
    assert max(o.attempts for o in outcomes.values()) == 2
    assert (tmp_path / "jobs" / JOURNAL).read_text().count("\n") == 8 + 3
    devices = [given[f"g{n}"].value["CUDA_VISIBLE_DEVICES"] for n in (0, 1, 2)]
    assert devices[0] == "-1"
    assert devices[1] in ("0", "1")
    assert sorted(devices[2]) == [",", "0", "1"]
    assert "it needs 1 cores, 0 MiB and 3 GPUs" in given["g3"].reason
