"""The report's words, numbers and figures, without a browser."""

from __future__ import annotations

import doctest
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from erazoo.errors import ArtifactError, DataError
from erazoo.publish import read_json, write_json
from scoring import distribution, ranks
from scoring.report import markup, write_report
from scoring.report.figures.cumulative import running_sum
from scoring.report.figures.per_era import trailing_mean
from scoring.report.results import read_results
from scoring.report.sections.ensemble import member_weights
from scoring.report.verdict import final_verdict, notices, verdict

VOID = {"meta", "link", "wbr", "br", "img"}


class Page(HTMLParser):
    """Text by element and identifiers; an element that is left open is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [known["id"]] if known.get("id") else []
        self.links += [v for k, v in attrs if k in ("src", "href") and v]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)


@pytest.fixture
def run(example_run: Path, tmp_path: Path) -> Path:
    """A copy of the example run that a test may change."""
    return Path(shutil.copytree(example_run, tmp_path / "run"))


@pytest.fixture
def edit(run: Path) -> Callable[[str, Callable[[Any], object]], None]:
    """Change one result file of the run in place."""

    def change(name: str, how: Callable[[Any], object]) -> None:
        value = read_json(run / name)
        how(value)
        write_json(run / name, value)

    return change


def figures_of(html: str) -> dict[str, Any]:
    found = re.search(r'id="figures">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return {figure["id"]: figure["views"] for figure in json.loads(found[1])}


def test_the_page_of_a_finished_run(example_run: Path, tmp_path: Path) -> None:
    page = write_report(example_run, tmp_path / "deep" / "page.html")
    html = page.read_text(encoding="utf-8")
    parsed = Page(html)
    words = " ".join(parsed.words)
    assert parsed.open == []
    assert len(set(parsed.ids)) == len(parsed.ids)
    assert all(link.startswith(("#", "data:")) for link in parsed.links)
    assert {link[1:] for link in parsed.links if link.startswith("#")} <= set(parsed.ids)
    assert html.count("plotly.js v") == 1
    assert "Run erazoo" not in re.sub(r"\s+", " ", words)
    assert set(figures_of(html)) == {
        "mean-chart",
        "cumulative-chart",
        "era-chart",
        "correlation-chart",
        "folds-chart",
        "rows-chart",
        "target-chart",
    }


def test_the_report_lies_in_the_run_and_is_the_same_twice(run: Path) -> None:
    first = write_report(run)
    assert first == run / "report.html"
    text = first.read_bytes()
    assert write_report(run).read_bytes() == text


def test_the_verdict_names_ensemble_share_and_best_model(run: Path) -> None:
    results = read_results(run)
    assert results.scores is not None
    means = {c.name: c.corr.mean for c in results.scores.candidates}
    said = verdict(results)
    assert f"mean CORR of {means['ensemble']:.4f}" in said
    assert f"{100 * means['ensemble'] / 0.163:.0f} % of the 0.1630" in said
    assert f"best single model is lightgbm with {means['lightgbm']:.4f}" in said
    assert results.final is not None
    again = {c.name: c.corr for c in results.final.candidates}["ensemble"]
    held_out = final_verdict(results)
    assert f"On {again.eras} held-out eras, opened once" in held_out
    assert f"{again.mean:.4f}" in held_out


@pytest.mark.parametrize(
    ("missing", "verb"),
    [
        ("stages", "train"),
        ("shards", "shard"),
        ("folds.json", "shard"),
        ("evaluation", "evaluate"),
        ("ensemble", "ensemble"),
    ],
)
def test_a_missing_file_names_its_verb(run: Path, missing: str, verb: str) -> None:
    path = run / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    words = " ".join(Page(write_report(run).read_text()).words)
    assert re.search(rf"Run\s+erazoo {verb}\s+to make it", words)


def test_an_empty_folder_has_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no results to report"):
        write_report(tmp_path)
    assert not list(tmp_path.iterdir())


def test_training_without_scores_lists_the_models(run: Path) -> None:
    shutil.rmtree(run / "evaluation")
    words = " ".join(Page(write_report(run).read_text()).words)
    assert "lightgbm" in words
    assert "loss is NaN" in words


def test_a_damaged_file_is_one_clear_error(run: Path) -> None:
    for name in ("evaluation/scores.json", "folds.json", "shards/manifest.json"):
        kept = (run / name).read_text()
        for broken in (kept[:-40], "[]", '{"eras": 3}'):
            (run / name).write_text(broken)
            with pytest.raises(ArtifactError, match=Path(name).name):
                write_report(run)
        (run / name).write_text(kept)
    assert not (run / "report.html").exists()


def test_words_of_results_are_escaped(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    attack = "<script>alert(1)</script>&'\""

    def rename(scores: Any) -> None:
        scores["candidates"][attack] = scores["candidates"].pop("benchmark_a")
        scores["correlation"]["names"][5] = attack
        scores["target"] = scores["benchmark"] = attack

    edit("evaluation/scores.json", rename)
    edit("config.json", lambda config: config["run"].update(name=attack))
    edit("models/tabm/result.json", lambda result: result.update(reason=attack))
    edit("folds.json", lambda folds: folds["folds"][0].update(name=attack))
    html = write_report(run).read_text()
    assert "<script>alert" not in html
    assert "alert(1)" in " ".join(Page(html).words)
    drawn = json.dumps(figures_of(html))
    assert "alert(1)" in drawn
    assert "<script>" not in drawn


def test_what_to_be_wary_of(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    def said() -> str:
        return " ".join(f"{n.level}: {n.words}" for n in notices(read_results(run)))

    assert "warning: 1 of 5 models failed: tabm" in said()
    assert "note: These data are generated" in said()
    assert "alarm" not in said()

    (run / "data" / "demo.json").unlink()
    edit("config.json", lambda config: config["data"].update(source="numerai"))
    assert "generated" not in said()
    assert said().startswith("alarm: A mean CORR of")

    def weaken(scores: Any) -> None:
        corr = scores["candidates"]["ensemble"]["summary"]["corr"]
        corr.update(mean=0.001, standard_error=0.01, eras=12)

    edit("evaluation/scores.json", weaken)
    words = said()
    assert "alarm" not in words
    assert "Only 12 eras" in words
    assert "within two standard errors of 0" in words
    assert "scores below lightgbm" in words
    assert "does not beat the benchmark benchmark_a" in words


def test_a_run_without_ensemble_or_references(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    def strip(scores: Any) -> None:
        for name in ("ensemble", "benchmark_a", "meta_model"):
            del scores["candidates"][name]
        for candidate in scores["candidates"].values():
            candidate["per_era"].update(mmc=None, bmc=None)
            candidate["summary"].update(mmc=None, bmc=None)
        scores.update(achievable=None, benchmark=None, meta_model=None)

    edit("evaluation/scores.json", strip)
    html = write_report(run).read_text()
    words = " ".join(Page(html).words)
    assert "The best model, lightgbm, reaches" in words
    assert "MMC" not in words
    assert len(figures_of(html)["cumulative-chart"]) == 1


def test_the_folds_are_drawn_to_scale(run: Path) -> None:
    traces = figures_of(write_report(run).read_text())["folds-chart"][0]["data"]
    bars = {
        (trace["name"], fold): (base, width)
        for trace in traces
        for fold, base, width in zip(trace["y"], trace["base"], trace["x"], strict=True)
    }
    assert bars["Training", "fold-0"] == (1, 88)
    assert bars["Purged", "fold-0"] == (89, 8)
    assert bars["Validation", "fold-0"] == (97, 26)
    assert bars["Held out", "held_out"] == (201, 35)
    assert ("Validation", "held_out") not in bars


def test_folds_of_thinned_and_of_dated_eras(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    def thin(folds: Any) -> None:
        folds["axis"] = ["0001", "0005", "0009", "0013"]
        fold = {"name": "f", "kind": "development", "purged": ["0009"]}
        folds["folds"] = [{**fold, "train": ["0001", "0005"], "validation": ["0013"]}]

    def date(folds: Any) -> None:
        days = {f"{k:04d}": f"2024-01-{k:02d}" for k in range(1, 14, 4)}
        text = json.dumps(folds)
        for era, day in days.items():
            text = text.replace(era, day)
        folds.update(json.loads(text))

    def widths() -> list[list[float]]:
        traces = figures_of(write_report(run).read_text())["folds-chart"][0]["data"]
        return [[*trace["base"], *trace["x"]] for trace in traces]

    edit("folds.json", thin)
    assert widths() == [[1, 8], [9, 4], [13, 1]]
    edit("folds.json", date)
    assert widths() == [[0, 2], [2, 1], [3, 1]]


def test_many_models_start_with_the_best_drawn(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    def multiply(scores: Any) -> None:
        for k in range(10):
            scores["candidates"][f"copy_{k}"] = scores["candidates"]["ridge"]

    edit("evaluation/scores.json", multiply)
    traces = figures_of(write_report(run).read_text())["cumulative-chart"][0]["data"]
    hidden = [t["name"] for t in traces if t["visible"] == "legendonly"]
    assert len(traces) == 17
    assert len(hidden) == 14 - 8
    styles = [(t["line"]["color"], t["line"]["dash"]) for t in traces]
    assert len(set(styles)) == len(styles)


def test_running_figures() -> None:
    assert running_sum([None, 0.5, None, 0.25]) == [None, 0.5, 0.5, 0.75]
    assert running_sum([None, None]) == [None, None]
    assert trailing_mean([1.0, 2.0, None, 4.0], window=2) == [None, 1.5, 2.0, 4.0]
    assert trailing_mean([None, None], window=2) == [None, None]


def test_member_weights_are_shares() -> None:
    members = [{"name": "a", "weight": 3.0}, {"name": "b", "weight": 1.0}]
    assert member_weights({"members": members}) == {"a": 0.75, "b": 0.25}
    assert member_weights({}) == {}


def test_the_distribution_of_a_continuous_target() -> None:
    counts = distribution.value_counts(np.append(np.linspace(0, 1, 1000), np.nan))
    assert len(counts) == 20
    assert counts[0] == ("0 to 0.05", 50)
    assert sum(rows for _, rows in counts) == 1000


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert markup.number(-0.00001) == markup.number(-0.0) == "0.0000"
    assert markup.number(-0.0001) == f"{markup.MINUS}0.0001"
    assert markup.percent(-0.001) == "0 %"


@pytest.mark.parametrize("module", [markup, distribution, ranks])
def test_examples_in_docstrings(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
