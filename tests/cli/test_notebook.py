"""`erazoo notebook`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from erazoo.commands import notebook as module

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def jupyter(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    calls: list[list[str]] = []

    def run(command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return subprocess.CompletedProcess(command, 1 if "--bad" in command else 0)

    monkeypatch.setattr(module.subprocess, "run", run)
    monkeypatch.setattr(module, "find_spec", lambda name: object())
    return calls


def test_it_opens_jupyter_on_the_examples(erazoo, jupyter) -> None:
    assert erazoo("notebook", "--", "--no-browser", "--port=1").code == 0
    expected = [sys.executable, "-m", "jupyterlab", str(EXAMPLES), "--no-browser", "--port=1"]
    assert jupyter == [expected]
    assert EXAMPLES.is_dir()


def test_a_failure_of_jupyter_is_one_of_the_verb(erazoo, jupyter) -> None:
    assert erazoo("notebook", "--", "--bad").code == 1


def test_a_dry_run_only_says_what_it_would_run(erazoo, jupyter) -> None:
    assert "-m jupyterlab" in erazoo("notebook", "--dry-run").out
    assert jupyter == []


def test_without_jupyter_the_command_that_installs_it_is_named(erazoo, monkeypatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    outcome = erazoo("notebook")
    assert outcome.code == 2
    assert "pip install -r requirements-notebook.txt" in outcome.err
