"""Figures are judged by their goals, and every benchmark runs to its end in its quick form."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import MODULES, main
from benchmarks.figure import Figure, table
from benchmarks.measure import BASELINES, alternate, python
from erazoo.errors import ErazooError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("ours", "baseline", "goal", "inverse", "holds"),
    [
        (8.0, 2.0, ">= 4", False, True),
        (8.0, 2.0, ">= 4.1", False, False),
        (2.0, 8.0, "<= 0.25", False, True),
        (2.0, 8.0, "<= 0.24", False, False),
        (2.0, 8.0, ">= 4", True, True),
        (2.0, 8.0, "none", False, None),
    ],
)
def test_goals(ours: float, baseline: float, goal: str, inverse: bool, holds: bool | None) -> None:
    figure = Figure("one", ours, baseline, "s", goal, inverse, {"rows": 3})
    assert figure.holds is holds
    line = json.loads(figure.line())
    assert set(line) == {"figure", "ours", "baseline", "ratio", "goal", "holds", "unit", "facts"}
    word = {True: "yes", False: "NO", None: "-"}[holds]
    assert table([figure]).splitlines()[1].split()[-1] == word


def test_both_sides_are_measured_in_turn() -> None:
    order: list[str] = []
    numbers = iter([5.0, 50.0, 1.0, 10.0, 3.0, 30.0])

    def side(name: str) -> float:
        order.append(name)
        return next(numbers)

    assert alternate(lambda: side("a"), lambda: side("b"), 3) == (3.0, 30.0)
    assert order == ["a", "b"] * 3


def test_a_measured_process_counts_its_children() -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    grown = "x = bytearray(150_000_000); import time; time.sleep(0.5)"
    assert python("-c", child, grown).peak_mb > 150
    with pytest.raises(ErazooError, match="a measured command failed.*boom"):
        python("-c", "raise SystemExit('boom')")


def test_a_missing_baseline_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(BASELINES, str(tmp_path))
    assert main(["etl", "--quick"]) == 1
    assert f"Set {BASELINES}" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", MODULES)
def test_quick_runs(name: str) -> None:
    baselines = Path(os.environ.get(BASELINES, ROOT.parent / "shared" / "baselines"))
    if not baselines.is_dir():
        pytest.skip(f"the plain implementations are absent: {baselines} (set {BASELINES})")
    words = [sys.executable, "-m", "benchmarks", name, "--quick"]
    environment = {**os.environ, BASELINES: str(baselines)}
    answer = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert answer.returncode == 0, answer.stderr
    figures = [json.loads(line) for line in answer.stdout.splitlines()]
    assert figures
    assert all(f["holds"] is None for f in figures)
    assert all(math.isfinite(f["ours"]) and math.isfinite(f["baseline"]) for f in figures)
    measured = [f for f in figures if f["unit"] in ("s", "MB", "rows/s")]
    assert measured
    assert all(f["ours"] > 0 and f["baseline"] > 0 for f in measured)
