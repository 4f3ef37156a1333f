"""`erazoo report`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from contracts.runs import write_run

from erazoo.machine import BROWSERS
from erazoo.publish import read_json, write_json
from erazoo.rundir import RunDir


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "runs" / "one", name="one")


@pytest.fixture
def add_run(run: Path) -> Callable[[str], Path]:
    """A second run beside the first, under another name."""
    return lambda name: write_run(run.parent / name, name=name)


def test_it_writes_the_page_of_a_run(erazoo, run: Path) -> None:
    page = run / "report.html"
    kept = read_json(run / "config.json")
    assert erazoo("report", "--run-dir", run, "--json").json == {"report": str(page)}
    assert page.read_text().startswith("<!doctype html>")
    page.unlink()
    assert str(page) in erazoo("report", run).out
    assert page.is_file()
    assert read_json(run / "config.json") == kept


def test_the_page_goes_where_it_is_wanted(erazoo, run: Path, tmp_path: Path) -> None:
    page = tmp_path / "deep" / "page.html"
    assert erazoo("report", run, "--out", page, "--json").json == {"report": str(page)}
    assert page.is_file()
    assert not (run / "report.html").exists()


def test_a_run_that_is_not_there_is_not_made(erazoo, tmp_path: Path) -> None:
    for words in (["--run-dir", tmp_path / "typo"], [tmp_path / "typo"]):
        outcome = erazoo("report", *words)
        assert outcome.code == 2
        assert "there is no run directory here" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_writes_nothing(erazoo, run: Path, add_run, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert f"would write {run / 'report.html'}" in erazoo("report", run, "--dry-run").out
    figures = erazoo("report", run, "--figures", "figures", "--dry-run").out
    assert figures.strip().endswith("and its figures in figures")
    assert sorted(tmp_path.rglob("*")) == before
    assert "would write comparison.html" in erazoo("report", run, add_run("two"), "--dry-run").out
    assert not (tmp_path / "comparison.html").exists()


def test_a_run_in_use_is_refused(erazoo, run: Path) -> None:
    with RunDir(run).lock():
        outcome = erazoo("report", "--run-dir", run)
    assert outcome.code == 2
    assert "in use by another command" in outcome.err
    assert not (run / "report.html").exists()


def test_several_runs_are_compared_in_the_working_folder(erazoo, run: Path, add_run) -> None:
    other = add_run("two")
    seen = [sorted(path.rglob("*")) for path in (run, other)]
    outcome = erazoo("report", run, other, "--json")
    assert outcome.json == {"report": "comparison.html"}
    assert "one and two" in Path("comparison.html").read_text()
    assert [sorted(path.rglob("*")) for path in (run, other)] == seen


def test_scores_of_an_older_version_are_one_line(erazoo, run: Path) -> None:
    path = run / "evaluation" / "scores.json"
    scores = read_json(path)
    del scores["format"]
    write_json(path, scores)
    outcome = erazoo("report", run)
    assert outcome.code == 3
    (line,) = outcome.err.strip().splitlines()
    assert line.endswith("Run `erazoo evaluate` again.")


@pytest.mark.browser
def test_figures_are_saved(erazoo, run: Path, tmp_path: Path) -> None:
    if not any(shutil.which(name) for name in BROWSERS):
        pytest.skip("no browser is installed")
    shutil.rmtree(run / "evaluation")
    outcome = erazoo("report", run, "--figures", "figures", "--json")
    saved = outcome.json["figures"]
    assert sorted(saved) == sorted(str(p) for p in Path("figures").iterdir())
    assert "figures/folds-chart.png" in saved
    assert Path(saved[0]).read_bytes().startswith(b"\x89PNG")


def test_without_a_browser_figures_are_one_clear_line(
    erazoo, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    outcome = erazoo("report", run, "--figures", "figures", "--format", "svg")
    assert outcome.code == 2
    (line,) = outcome.err.strip().splitlines()
    assert "none is installed" in line
    assert not (run / "report.html").exists()
    assert "buttons of the page" in line


def test_a_format_without_a_folder_is_refused(erazoo, run: Path) -> None:
    outcome = erazoo("report", run, "--format", "svg")
    assert outcome.code == 2
    assert "--figures DIR" in outcome.err
