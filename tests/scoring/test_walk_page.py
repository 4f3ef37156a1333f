"""The walk on the page: verdict, scores and weights over time."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from erazoo.publish import write_json
from scoring.report.figures.walk import lived_figure, walked_weights_figure
from scoring.report.page import build_page
from scoring.report.results import RunResults, read_results
from scoring.report.sections.walk import walk_section


def candidate(*corr: float | None, about: str = "a model") -> dict[str, Any]:
    summary = {"mean": 0.02, "standard_error": 0.004, "sharpe": 1.5}
    return {
        "about": about,
        "per_era": {"corr": list(corr), "mmc": None, "bmc": None},
        "summary": {"corr": summary, "mmc": {"mean": 0.0123}, "bmc": None},
    }


def walk(**changes: Any) -> dict[str, Any]:
    """A plausible `ensemble/walk/walk.json`, with the weights beside it."""
    names = ("walk", "equal", "static", "nested", "ridge (walk)", "ridge (static)")
    return {
        "members": ["ridge", "trees"],
        "eras": ["0081", "0082", "0083"],
        "learns": {"ridge": "learns the window of newest resolved eras", "trees": "goes on"},
        "left_out": {"mlp": "a model of the family <keras>"},
        "settings": {"method": "maximise", "update": "window"},
        "purge": 8,
        "updates": [{"era": "0081", "new": 60, "newest": "0072"}],
        "held": {"eras": 20, "bytes": 2_000_000},
        "candidates": {name: candidate(0.1, None, 0.3) for name in names},
        "differences": [
            {"of": "walk", "to": "static", "mean": 0.0123, "standard_error": None},
        ],
        "turnover": None,
        "verdict": "no different from models that are never updated, beyond noise: +0.0010",
        "weights": [[0.5, 0.5], [0.8, 0.2], [0.8, 0.2]],
        **changes,
    }


def test_the_section_says_what_learning_on_is_worth(tmp_path: Path) -> None:
    section = walk_section(RunResults(root=tmp_path, walk=walk()))
    assert section is not None
    html = section.html()
    assert "Learning on is no different from models that are never updated" in html
    assert "mlp is left out: a model of the family &lt;keras&gt;" in html
    assert "walk beyond static: 0.0123 (s.e. " in html
    assert "20 eras, " in html
    assert [figure.id for figure in section.figures] == ["walk-chart", "walk-weights-chart"]
    assert walk_section(RunResults(root=tmp_path)) is None


def test_sums_begin_at_the_first_score_and_pass_over_gaps() -> None:
    figure = lived_figure(walk())
    assert [trace["name"] for trace in figure.views[0].traces] == [
        "walk",
        "nested",
        "equal",
        "static",
    ]
    assert figure.views[0].traces[0]["y"] == [0.1, 0.1, 0.4]


def test_weights_stand_by_model_where_there_are_any() -> None:
    figure = walked_weights_figure(walk())
    assert figure is not None
    assert figure.views[0].traces[1]["y"] == [0.5, 0.2, 0.2]
    assert figure.numbers is not None
    assert list(figure.numbers.rows) == [("ridge", "70 %", "80 %"), ("trees", "30 %", "20 %")]
    assert walked_weights_figure(walk(weights=[None, None, None])) is None


def test_it_stands_on_the_page(example_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(example_run, run)
    content = walk()
    weights = content.pop("weights")
    write_json(run / "ensemble" / "walk" / "walk.json", content)
    assert "walk-chart" not in build_page(read_results(run))
    write_json(run / "ensemble" / "walk" / "weights.json", {"weights": weights})
    page = build_page(read_results(run))
    assert '"walk-chart"' in page
    assert "Walked through history" in page
