"""The unique version in words, on the terminal and on the page."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from contracts.unique_reports import MIXTURES, unique_report

from erazoo.commands.unique import unique_text
from erazoo.publish import write_json
from scoring.report import unique as words
from scoring.report.figures.frontier import frontier_figure
from scoring.report.page import build_page
from scoring.report.results import RunResults, read_results
from scoring.report.sections.unique import unique_section


def test_examples() -> None:
    assert doctest.testmod(words).attempted
    assert not doctest.testmod(words).failed


def test_the_terminal_says_what_was_wished_found_and_paid() -> None:
    said = unique_text(unique_report())
    plain = " ".join(said.split())
    assert "neutralised to meta_model through its stand-in, proportion 0.3800" in plain
    assert "0.4000 before, 0.2801 after; wished for 0.2800 (0.7 times the start)" in plain
    assert "within reach -0.0100 to 0.4000" in plain
    assert "CORR paid 0.0020 (s.e. 0.0010), MMC paid" in plain
    assert "its stand-in has a rank correlation of 0.8100" in plain
    assert "solved up to era 0081 alone" in plain
    assert "goes from 0.4100 to 0.3000" in plain
    heads = next(line for line in said.splitlines() if line.startswith("version")).split()
    expected = "version corr sharpe mmc bmc ~meta ~bench rmse exposure max exp"
    assert heads == expected.split()
    table = [line for line in said.splitlines() if line.startswith(("standard", "unique  "))]
    assert table[0].split()[-1] == "0.0800"
    assert max(map(len, said.splitlines())) <= 100


def test_other_ways_have_their_own_words() -> None:
    assert "wisdom by charisma times 0.0114" in unique_text(unique_report("segments"))
    assert "0.3800 of the way along the frontier" in unique_text(unique_report("weights"))
    given = {**unique_report(), "solution": None, "later": {"failed": "no way"}}
    said = unique_text(given)
    assert "wished" not in said
    assert "the first half of the eras alone gives no such change: no way" in said


def test_without_references_there_is_less_to_say(example_run: Path) -> None:
    report = unique_report(meta_model=False)
    said = unique_text(report)
    assert "turnover" in said
    assert "largest exposure to features: 0.4000 before" in said
    assert "stand-in" not in said
    assert "mmc" not in said
    section = unique_section(RunResults(root=example_run, unique=report))
    assert section is not None
    assert not section.figures
    assert "Turnover" in section.body
    assert unique_section(RunResults(root=example_run)) is None


def test_the_page_shows_both_versions_and_the_frontier(example_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for path in example_run.rglob("*.json"):
        copy = folder / path.relative_to(example_run)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    assert 'id="unique"' not in build_page(read_results(folder))
    write_json(folder / "ensemble" / "unique" / "unique.json", unique_report())
    page = build_page(read_results(folder))
    assert 'id="unique"' in page
    assert 'id="frontier-chart"' in page
    assert "With meta model" in page
    assert "Turnover" not in page.split('id="unique"')[1].split("</section>")[0]
    assert "Neutralised to meta_model through its stand-in" in page


@pytest.mark.parametrize(("way", "marked"), [("neutralise", 3), ("weights", 1)])
def test_the_frontier_marks_versions_that_were_scored_on_its_eras(way: str, marked: int) -> None:
    figure = frontier_figure(unique_report(way))
    assert figure is not None
    assert len(figure.views) == 4
    later, _, same, _ = figure.views
    assert [len(view.traces) for view in (later, same)] == [3, marked]
    assert list(later.traces[0]["x"]) == [0.02, 0.016, 0.012, 0.008]
    assert later.traces[0]["text"][1] == "50 % CORR, 50 % MMC"
    assert later.traces[1]["x"] == [0.02]
    assert figure.views[1].traces[1]["x"] == [0.4]
    assert figure.numbers is not None
    assert len(figure.numbers.rows) == len(MIXTURES)
    assert frontier_figure({**unique_report(way), "frontier": None}) is None
