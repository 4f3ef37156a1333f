"""The report's section on the ensemble: methods, what is used and why, and weights over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from contracts.pools import make_pool
from contracts.runs import figures_of, write_run

from ensemble.comparison import compare_methods, to_json
from ensemble.evidence import Evidence
from ensemble.methods import METHODS
from ensemble.moments import era_moments
from ensemble.nested import blocks_of
from erazoo.config import Config
from erazoo.config.schema import EnsembleSection
from erazoo.publish import write_json
from erazoo.rundir import RunDir
from scoring.report import write_report
from scoring.report.figures.combinations import difference_figure, weights_figure

NAMES = ("equal", "greedy", "nnls", "stacking_lightgbm")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run writes: the content of methods.json."""
    folder = tmp_path_factory.mktemp("judged")
    pool = make_pool([0.3, 0.2, *[0.05] * 8], eras=16, rows=40)
    config = Config(ensemble=EnsembleSection(rounds=6))
    learns = {name: METHODS[name].build(config, RunDir(folder)) for name in NAMES}
    blocks = blocks_of(pool, 0.5, 2)
    found = compare_methods(learns, Evidence(pool, era_moments(pool)), blocks, folder)
    made = to_json(found, pool, {name: METHODS[name].summary for name in NAMES})
    weights = found.judged["nnls"].weights
    assert weights is not None
    return {**made, "method": "nnls", "final": weights[-1].tolist()}


@pytest.fixture
def run(content: dict[str, Any], tmp_path: Path) -> Path:
    root = write_run(tmp_path / "run")
    members = [{"name": n, "weight": w} for n, w in zip("ab", (0.75, 0.25), strict=True)]
    recipe = {"method": "nnls", "reason": "it won <by far>", "members": members}
    write_json(root / "ensemble" / "ensemble.json", {**recipe, "learned": ["0001", "0009", 9]})
    write_json(root / "ensemble" / "methods.json", content)
    return root


def test_the_page_shows_methods_reason_and_weights(run: Path, content: dict[str, Any]) -> None:
    page = write_report(run).read_text()
    assert "it won &lt;by far&gt;" in page
    assert "9 eras, 0001 to 0009" in page
    for name in NAMES:
        assert METHODS[name].summary.replace("'", "&#x27;") in page
    drawn = figures_of(page)
    assert {"methods-chart", "weights-chart"} <= set(drawn)
    assert len(drawn["weights-chart"]) == 3
    assert drawn["weights-chart"][0]["label"] == "nnls"


def test_differences_are_drawn_with_their_errors(content: dict[str, Any]) -> None:
    figure = difference_figure(content)
    assert figure is not None
    (trace,) = figure.views[0].traces
    points = zip(trace["x"], trace["error_x"]["array"], strict=True)
    marks = zip(trace["marker"]["symbol"], trace["y"], strict=True)
    by_name = dict(zip(trace["y"], points, strict=True))
    held = content["methods"]["nnls"]["difference"]
    assert by_name["nnls"] == pytest.approx((held["mean"], held["standard_error"]), rel=1e-3)
    assert by_name["equal"] == (0, 0)
    assert [s for s, y in marks if y == "nnls"] == ["diamond"]


def test_weights_of_each_bar_sum_to_one(content: dict[str, Any]) -> None:
    figure = weights_figure(content)
    assert figure is not None
    assert figure.views[0].traces[-1]["name"] == "all others" or len(figure.views[0].traces) <= 7
    for view in figure.views:
        bars = len(view.traces[0]["x"])
        assert bars == (3 if view.label == "nnls" else 2)
        for place in range(bars):
            assert sum(t["y"][place] for t in view.traces) == pytest.approx(1, abs=1e-3)
    assert figure.numbers is not None
    assert figure.numbers.rows[0][0] == "m0"


def test_without_judged_methods_the_section_stands(run: Path, content: dict[str, Any]) -> None:
    path = run / "ensemble" / "methods.json"
    write_json(path, {**content, "methods": {}, "judged": [], "blocks": []})
    assert "weights-chart" not in figures_of(write_report(run).read_text())
    path.unlink()
    assert "it won" in write_report(run).read_text()
    assert difference_figure({**content, "methods": {}}) is None
    assert weights_figure({**content, "methods": {}}) is None


def test_members_without_a_weight_are_counted(run: Path) -> None:
    members = [{"name": name, "weight": None} for name in "abc"]
    recipe = {"method": "stacking_lightgbm", "members": members}
    write_json(run / "ensemble" / "ensemble.json", recipe)
    assert "stacking lightgbm" in write_report(run).read_text()
