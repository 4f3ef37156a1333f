"""`erazoo mine results`, `compare` and `plot`, and the same from Python."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from contracts.browser import LOOK, open_page
from contracts.studies import World, Written, write_study

from erazoo.eras import EraAxis
from erazoo.folds import EraFold, FoldPlan
from erazoo.publish import read_json, write_json
from scoring.report.mining.page import build_page
from scoring.report.page import build_page as build_report
from scoring.report.results import RunResults, read_results
from scoring.report.sections.mining import mining_section
from scoring.report.studies import Mining as Found
from scoring.report.studies import parse_mining
from search.api import Mining, plot, write_page
from search.record import record_of

CONFIG = Path(__file__).resolve().parents[2] / "conf" / "mine.toml"
WORLD = World.noise(21, eras=160, assets=30)


def study(root: Path, name: str = "mine", count: int = 30) -> Written:
    """A benchmark and configurations that know more and more."""
    draw = np.random.default_rng(5)
    skill = np.linspace(0, 0.6, count + 1)[:, None, None]
    skill[0] = 0.2
    noise = draw.normal(size=(count + 1, WORLD.eras, WORLD.assets))
    values = skill * WORLD.target / WORLD.target.std() + noise
    return write_study(root / "mine" / name, WORLD, values, "sharpe")


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return study(tmp_path / "run")


@pytest.fixture
def mine(erazoo: Any, tmp_path: Path) -> Any:
    return lambda *words: erazoo(
        "mine", words[0], "--config", CONFIG, "--run-dir", tmp_path / "run", *words[1:]
    )


@pytest.fixture
def found(written: Written) -> Found:
    return parse_mining(json.loads(json.dumps(record_of(written.folder)[1])))


def test_results_are_sorted_by_validation_with_the_benchmark_first(
    mine: Any, written: Written
) -> None:
    rows = mine("results", "--json", "--limit", "5").json["best"]
    assert rows[0]["id"] == written.ids[0]
    sharpes = [row["validation_sharpe"] for row in rows[1:]]
    assert len(sharpes) == 5
    assert sharpes == sorted(sharpes, reverse=True)
    by_fall = mine("results", "--json", "--sort", "validation_drawdown").json["best"][1:]
    falls = [row["validation_drawdown"] for row in by_fall]
    assert len(falls) == 20
    assert falls == sorted(falls)


def test_results_on_a_terminal(mine: Any, written: Written) -> None:
    said = mine("results", "--limit", "3").out
    lines = said.splitlines()
    assert lines[0].split()[:4] == ["configuration", "trees", "val", "corr"]
    assert lines[1].startswith(f"{written.ids[0][:8]} *")
    assert len(lines) == 1 + 1 + 3 + 1
    assert "learning_rate" not in said
    assert "all sharpe" not in said
    wide = mine("results", "--limit", "3", "--wide").out
    assert "learning_rate" in wide
    assert "all sharpe" in wide


@pytest.mark.parametrize("columns", [80, 100, 120])
@pytest.mark.parametrize("action", ["results", "compare"])
def test_tables_keep_to_the_terminal(
    mine: Any, written: Written, action: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns of less weight are left out, what was chosen by and sorted by never."""
    monkeypatch.setenv("COLUMNS", str(columns))
    said = mine(action, "--limit", "3").out
    assert max(map(len, said.splitlines())) <= columns
    assert "val sharpe" in said
    assert ("test drawd" in said) == (columns == 120 and action == "results")
    assert "test drawd" in mine(action, "--limit", "3", "--wide").out
    sorted_by = mine("results", "--sort", "validation_drawdown").out
    assert "val drawd" in sorted_by


@pytest.mark.parametrize("column", ["test_sharpe", "whole_corr"])
def test_nothing_is_sorted_by_test_eras(mine: Any, written: Written, column: str) -> None:
    outcome = mine("results", "--sort", column)
    assert outcome.code == 2
    assert "test eras are only shown" in outcome.err
    assert "validation_" in outcome.err


def test_an_unknown_column_is_named_with_its_nearest(mine: Any, written: Written) -> None:
    outcome = mine("results", "--sort", "validation_sharp")
    assert outcome.code == 2
    assert "validation_sharpe" in outcome.err


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_are_written(mine: Any, written: Written, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"table.{ending}"
    rows = mine("results", "--json", "--limit", "4", "--out", path).json["best"]
    table = pl.read_csv(path) if ending == "csv" else pl.read_parquet(path)
    assert table["validation_sharpe"].to_list() == [row["validation_sharpe"] for row in rows]
    outcome = mine("compare", "--out", tmp_path / "table.xlsx")
    assert outcome.code == 2
    assert ".csv or .parquet" in outcome.err


def test_compare_says_what_is_more_than_luck(mine: Any, written: Written) -> None:
    found = mine("compare", "--json").json
    assert len(found["winners"]) == min(20, found["beaten"]) > 2
    assert all(row["gain"] > 0 and not row["benchmark"] for row in found["winners"])
    assert 0 < len(found["survivors"]) < found["beaten"]
    said = mine("compare", "--limit", "2").out
    assert f"2 of {found['beaten']} that beat the benchmark" in said
    assert " ".join(said.split()).endswith(found["verdict"])
    assert mine("compare", "--sort", "trees").code == 2


def test_options_of_another_action_are_refused(mine: Any, written: Written, tmp_path: Path) -> None:
    outcome = mine("results", "--figures", tmp_path / "figures")
    assert outcome.code == 2
    assert "--figures is an option of plot" in outcome.err
    assert (
        "--unique-below is an option of results and compare"
        in mine("progress", "--unique-below", "0.5").err
    )
    assert mine("plot", "--limit", "5").code == 2


def test_a_dry_run_writes_nothing(mine: Any, written: Written, tmp_path: Path) -> None:
    for action in ("results", "compare"):
        outcome = mine(action, "--dry-run", "--json", "--out", tmp_path / "table.csv")
        assert outcome.json == {"folder": str(written.folder.root), "dry_run": True}
    assert not written.folder.scores.exists()
    assert not (tmp_path / "table.csv").exists()


def test_the_unique_and_the_others(mine: Any, written: Written, tmp_path: Path) -> None:
    every = mine("compare", "--json").json["winners"]
    kept = mine("compare", "--json", "--unique-below", "0.15").json["winners"]
    assert 0 < len(kept) < len(every)
    assert kept[0]["id"] == every[0]["id"]
    other = study(tmp_path / "other", "theirs", count=12)
    rows = mine("results", "--json", "--others", f"{tmp_path / 'other'}:theirs").json["best"]
    assert all(row["others_nearest"].startswith("other:theirs:") for row in rows)
    assert other.ids[0] not in {row["others_nearest"].split(":")[-1] for row in rows}
    assert "~others" in mine("results", "--others", tmp_path / "other").out
    assert mine("results", "--others", tmp_path / "nowhere").code == 2


def test_without_a_study_the_verb_that_makes_one_is_named(mine: Any) -> None:
    for action in ("results", "compare", "plot"):
        outcome = mine(action)
        assert outcome.code == 3
        assert "erazoo mine start" in outcome.err


def test_plot_writes_the_page_and_the_record(mine: Any, written: Written) -> None:
    outcome = mine("plot", "--dry-run", "--json").json
    assert outcome == {"page": str(written.folder.page), "dry_run": True}
    assert not written.folder.page.exists()
    assert mine("plot", "--json").json == {"page": str(written.folder.page)}
    page = written.folder.page.read_text()
    for name in ("past-future", "spread", "parameters", "clusters", "folds"):
        assert f'id="{name}-chart"' in page
    record = read_json(written.folder.record)
    assert record["verdict"] in page
    assert len(record["scored"]["trials"]) == 30


@pytest.mark.browser
def test_figures_are_saved_as_pictures(mine: Any, written: Written, tmp_path: Path) -> None:
    with open_page(written.folder.record):
        pass
    saved = mine("plot", "--figures", tmp_path / "figures", "--json").json["figures"]
    names = {Path(path).name for path in saved}
    assert {"past-future-chart.png", "spread-chart.png", "clusters-chart.png"} <= names
    assert {"parameters-chart.learning_rate.png", "folds-chart.png"} <= names
    assert all(Path(path).stat().st_size > 5000 for path in saved)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_drawn(written: Written, tmp_path: Path, width: int) -> None:
    mining = Mining.of(CONFIG, tmp_path / "run")
    with open_page(write_page(mining), width) as visitor:
        seen = visitor.run(LOOK)
        assert visitor.console == []
        assert visitor.requests == []
    assert seen["overflow"] <= 0
    assert seen["spill"] == []
    marks = seen["marks"]
    assert marks["past-future-chart"] == 30 + 1 + 2
    assert marks["parameters-chart"] == 30 + 1
    assert marks["clusters-chart"] == 1
    assert marks["folds-chart"] == 2 + 1 + 1


def test_the_page_says_what_is_chosen_and_what_is_only_shown(found: Found) -> None:
    page = build_page(found)
    assert found.verdict in page
    assert "Test eras are shown and had no part in it" in page
    assert "winners-table" in page
    nothing = Found(**{**vars(found), "winners": (), "best": (), "survivors": ()})
    assert "Nothing does, in validation." in build_page(nothing)


def test_a_page_is_not_sorted_by_test_eras(found: Found) -> None:
    heads = re.findall(r"<th[^>]*>(.*?)</th>", build_page(found))
    test = [one for one in heads if "Test:" in one or "All:" in one]
    assert len(test) == 2 + 2 * 4
    assert not any("<button" in one for one in test)
    assert sum("<button" in one for one in heads if "Validation:" in one) == 4


def test_folds_show_test_eras_apart(found: Found) -> None:
    from scoring.report.mining import study_figures

    traces = study_figures(found)["folds"].views[0].traces
    shown = {trace["name"]: trace["y"] for trace in traces}
    assert shown["Validation"] == ["fold-0"]
    assert shown["Test"] == ["fold-1"]
    assert shown["Training"] == ["fold-0", "fold-1"]


def test_eras_next_to_held_out_ones_are_purged_and_not_under_embargo() -> None:
    from scoring.report.figures.folds import left_out

    eras = tuple(f"{k:04d}" for k in range(1, 31))
    fold = EraFold("fold-0", "development", eras[13:23], eras[:10], (*eras[10:13], *eras[23:26]))
    held = EraFold("held out", "held_out", (), eras[26:], ())
    plan = FoldPlan("target", 2, 3, 0, eras, (fold, held), ())
    assert left_out(EraAxis(eras), plan, fold) == (fold.purged, ())
    alone = FoldPlan("target", 2, 3, 0, eras, (fold,), ())
    assert left_out(EraAxis(eras), alone, fold) == (eras[10:13], eras[23:26])


def test_a_parameter_over_decades_has_a_logarithmic_axis(found: Found) -> None:
    from scoring.report.mining import study_figures

    views = {view.label: view for view in study_figures(found)["parameters"].views}
    assert views["learning_rate"].layout["xaxis"]["type"] == "log"
    assert views["n_estimators"].layout["xaxis"]["type"] == "linear"
    star = views["learning_rate"].traces[1]
    assert star["x"] == [1.0]
    assert star["marker"]["symbol"] == "star"


def test_the_report_of_the_run_has_a_section(written: Written, tmp_path: Path) -> None:
    run = tmp_path / "run"
    study(run, "second", count=5)
    assert mining_section(read_results(run)) is None
    write_page(Mining.of(CONFIG, run))
    record = read_json(run / "mine" / "mine" / "record.json")
    write_json(run / "mine" / "second" / "record.json", {**record, "study": "second"})
    results = read_results(run)
    assert set(results.mining) == {"mine", "second"}
    page = build_report(results)
    section = page.split('id="mining"')[1].split("</section>")[0]
    assert record["verdict"] in section
    assert 'id="mining-mine-chart"' in section
    assert 'id="mining-second-chart"' in section
    assert mining_section(RunResults(root=run)) is None


def test_a_record_that_cannot_be_read_is_named(written: Written, tmp_path: Path) -> None:
    from erazoo.errors import ArtifactError

    write_json(written.folder.record, {"format": 99})
    with pytest.raises(ArtifactError, match=r"record\.json.*another format"):
        read_results(tmp_path / "run")


def test_notebooks_get_plotly_figures(written: Written, tmp_path: Path) -> None:
    """Complete ones: plotly checks every property, and no colour is left to a page."""
    from plotly.graph_objects import Figure

    mining = Mining.of(CONFIG, tmp_path / "run")
    light, dark = plot(mining), plot(mining, "dark")
    named = {"past_future", "scores", "clusters", "folds"}
    assert set(light) == named | {"parameter learning_rate", "parameter n_estimators"}
    for name, figure in light.items():
        assert isinstance(figure, Figure)
        text = figure.to_json()
        assert "var(" not in text
        assert text != dark[name].to_json()
    scatter = light["past_future"]
    assert len(scatter.data[0].x) == 30
    assert scatter.layout.title.text == "The past against the future"
    assert not written.folder.record.exists()
