"""The meta-learner on the page: verdict, weights and regimes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from erazoo.publish import write_json
from scoring.report.figures.regimes import regime_figure, weights_figure
from scoring.report.markup import MINUS
from scoring.report.page import build_page
from scoring.report.results import RunResults, read_results
from scoring.report.sections.meta import meta_section


def walk(*, regimes: bool = True, true: bool = True) -> dict[str, Any]:
    """A plausible `ensemble/meta/walk.json`."""
    eras = ["0081", "0082", "0083", "0084"]
    found: dict[str, Any] = {
        "eras": eras,
        "assigned": [0, 0, 2, 0],
        "regimes": [
            {
                "number": 0,
                "name": "wisdom with agility high",
                "eras": 3,
                "share": 0.75,
                "strongest": [["wisdom with agility", 1.52], ["missing <b>", -0.4]],
                "weights": [0.8, 0.2],
            },
            {
                "number": 2,
                "name": "spread low",
                "eras": 1,
                "share": 0.25,
                "strongest": [["dispersion", -2.0]],
                "weights": [0.1, 0.9],
            },
        ],
        "true": [1, 1, 0, 1] if true else None,
        "purity": 1.0 if true else None,
    }
    return {
        "members": ["ridge", "mlp"],
        "eras": eras,
        "weights": [[0.8, 0.2], [0.7, 0.3], [0.1, 0.9], [0.8, 0.2]],
        "static": [[0.5, 0.5]] * 4,
        "scores": [0.1, 0.2, None, 0.1],
        "static_scores": [0.05, 0.1, None, 0.1],
        "mean": 0.1333,
        "static_mean": 0.0833,
        "gain": {"mean": 0.05, "standard_error": 0.02},
        "turnover": 0.3,
        "penalties": [0.3],
        "better": True,
        "verdict": "better than the static weights that it starts from: +0.0500",
        "regimes": found if regimes else None,
        "settings": {"static": "maximise"},
    }


def test_the_section_says_what_is_recommended_and_names_the_regimes(tmp_path: Path) -> None:
    section = meta_section(RunResults(root=tmp_path, meta=walk()))
    assert section is not None
    html = section.html()
    assert "is better than the static weights that it starts from: +0.0500.</p>" in html
    assert "0.0500 (s.e. 0.0200)" in html
    assert f"wisdom with agility 1.5, missing &lt;b&gt; {MINUS}0.4" in html
    assert "mlp 90 %, ridge 10 %" in html
    assert [figure.id for figure in section.figures] == ["meta-weights-chart", "regimes-chart"]


def test_without_a_walk_or_regimes_there_is_less(tmp_path: Path) -> None:
    assert meta_section(RunResults(root=tmp_path)) is None
    section = meta_section(RunResults(root=tmp_path, meta=walk(regimes=False)))
    assert section is not None
    assert len(section.figures) == 1


def test_strips_cover_every_era_once() -> None:
    figure = regime_figure(walk()["regimes"])
    spans: dict[str, list[tuple[int, int]]] = {}
    for trace in figure.views[0].traces:
        for row, base, width in zip(trace["y"], trace["base"], trace["x"], strict=True):
            spans.setdefault(row, []).append((base, base + width))
    assert sorted(spans["found"]) == [(0, 2), (2, 3), (3, 4)]
    assert sorted(spans["planted"]) == [(0, 2), (2, 3), (3, 4)]
    assert "100 %" in figure.caption
    alone = regime_figure(walk(true=False)["regimes"])
    assert {row for trace in alone.views[0].traces for row in trace["y"]} == {"found"}


def test_weights_are_stacked_by_member() -> None:
    figure = weights_figure(walk())
    assert [trace["name"] for trace in figure.views[0].traces] == ["ridge", "mlp"]
    assert figure.views[0].traces[1]["y"] == [0.2, 0.3, 0.9, 0.2]
    assert figure.numbers is not None
    assert list(figure.numbers.rows) == [("ridge", "60 %", "50 %"), ("mlp", "40 %", "50 %")]


def test_it_stands_on_the_page(example_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(example_run, run)
    write_json(run / "ensemble" / "meta" / "walk.json", walk())
    page = build_page(read_results(run))
    assert "What sets it apart" in page
    assert '"regimes-chart"' in page
