"""`erazoo report`."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from erazoo.publish import write_text
from erazoo.rundir import RunDir


@pytest.fixture
def write_report(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The room of the report, standing in with a page of one word."""
    written: list[Path] = []

    def write_report(run: Path) -> Path:
        written.append(run)
        write_text(run / "report.html", "page")
        return run / "report.html"

    room = types.SimpleNamespace(write_report=write_report)
    monkeypatch.setitem(sys.modules, "scoring.report", room)
    return written


def test_it_writes_the_page_of_a_run(erazoo, tmp_path: Path, write_report) -> None:
    outcome = erazoo("report", "--run-dir", tmp_path, "--json")
    assert outcome.json == {"report": str(tmp_path / "report.html")}
    assert write_report == [tmp_path]
    assert str(tmp_path / "report.html") in erazoo("report", "--run-dir", tmp_path).out
    assert not (tmp_path / "config.json").exists()


def test_a_run_that_is_not_there_is_not_made(erazoo, tmp_path: Path, write_report) -> None:
    outcome = erazoo("report", "--run-dir", tmp_path / "typo")
    assert outcome.code == 2
    assert write_report == list(tmp_path.iterdir()) == []


def test_a_dry_run_writes_nothing(erazoo, tmp_path: Path, write_report) -> None:
    assert "would write" in erazoo("report", "--run-dir", tmp_path, "--dry-run").out
    assert write_report == list(tmp_path.iterdir()) == []


def test_a_run_in_use_is_refused(erazoo, tmp_path: Path, write_report) -> None:
    with RunDir(tmp_path).lock():
        outcome = erazoo("report", "--run-dir", tmp_path)
    assert outcome.code == 2
    assert "in use by another command" in outcome.err
    assert write_report == []
