"""Models by feature set and group on the page: scores, what is kept, and what failed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from erazoo.publish import write_json
from scoring.report.markup import MINUS
from scoring.report.page import build_page
from scoring.report.results import RunResults, read_results
from scoring.report.sections.grid import grid_section


def row(name: str, kind: str, features: str, **changes: Any) -> dict[str, Any]:
    plain = {"name": name, "kind": kind, "features": features, "columns": 1234, "same": []}
    figures = {"corr": 0.0213, "sharpe": 1.1, "mmc": -0.0041, "bmc": None}
    ends = {"status": "ok", "reason": None, "weight": 0.0, "kept": False}
    return {**plain, **figures, **ends, **changes}


def record() -> dict[str, Any]:
    """A plausible `ensemble/grid.json`."""
    return {
        "of": "sets x groups",
        "model": "lightgbm",
        "eras": ["0081", "0120", 40],
        "learned": ["0081", "0108", 28],
        "kept": ["lightgbm.set-small", "lightgbm.group-wisdom"],
        "reason": "greedy selection adds <b>",
        "rows": [
            row("lightgbm.set-small", "set", "small", kept=True, weight=0.6, same=["twin"]),
            row("lightgbm.group-wisdom", "group", "wisdom", kept=True, weight=0.4),
            row("lightgbm.set-small.group-rain", "both", "small & rain"),
            {
                **row("lightgbm.group-faith", "group", "faith", status="timeout"),
                "reason": "it took longer than 3 s",
            },
        ],
    }


def test_every_model_is_a_row_and_failures_say_why(tmp_path: Path) -> None:
    section = grid_section(RunResults(root=tmp_path, grid=record()))
    assert section is not None
    html = section.html()
    assert html.count('scope="row"') == 3
    assert "<td>small, twin</td>" in html
    assert "<td>small &amp; rain</td><td>group within a set</td>" in html
    assert f"{MINUS}0.0041" in html
    assert "60 %" in html
    assert html.count("<td>kept</td>") == 2
    assert "greedy selection adds &lt;b&gt;" in html
    assert "timeout: it took longer than 3 s" in html
    assert "MMC" in html
    assert "BMC" not in html


def test_without_a_grid_there_is_no_section(tmp_path: Path) -> None:
    assert grid_section(RunResults(root=tmp_path)) is None


def test_it_stands_on_the_page(example_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(example_run, run)
    write_json(run / "ensemble" / "grid.json", record())
    page = build_page(read_results(run))
    assert 'id="grid"' in page
    assert "lightgbm.group-wisdom" in page
