"""What made a result is recorded with it."""

from __future__ import annotations

import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

import erazoo
from erazoo import provenance as module
from erazoo.provenance import commit, provenance
from erazoo.publish import read_json
from erazoo.rundir import RunDir


def test_a_finished_stage_says_what_made_it(tmp_path: Path) -> None:
    RunDir(tmp_path).stage("x", {"k": 1}).finish([], {}, 1.0)
    made = read_json(tmp_path / "stages" / "x.json")["provenance"]
    assert made == provenance()
    assert made["erazoo"] == erazoo.__version__
    assert made["libraries"]["numpy"] == metadata.version("numpy")


def test_what_made_a_stage_does_not_decide_whether_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    RunDir(tmp_path).stage("x", {"k": 1}).finish([], {}, 1.0)
    monkeypatch.setattr("erazoo.rundir.provenance", lambda: {"erazoo": "9"})
    assert RunDir(tmp_path).stage("x", {"k": 1}).done()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_says_whether_the_checkout_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> str:
        named = ["git", "-c", "user.name=x", "-c", "user.email=x@y.z", *words]
        return subprocess.check_output(named, cwd=tmp_path, text=True).strip()

    monkeypatch.setattr(module, "CHECKOUT", tmp_path)
    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "a")
    git("tag", "v1")
    head = git("rev-parse", "HEAD")
    assert commit() == head
    (tmp_path / "untracked").write_text("1")
    assert commit() == head
    (tmp_path / "a").write_text("2")
    assert commit() == f"{head}-dirty"


def test_a_folder_inside_another_checkout_has_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "installed").mkdir()
    monkeypatch.setattr(module, "CHECKOUT", tmp_path / "installed")
    assert commit() is None


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert commit() is None
