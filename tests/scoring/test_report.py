"""The report's words, numbers and figures, without a browser."""

from __future__ import annotations

import doctest
import itertools
import json
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.runs import classification, figures_of, importance, trials

from erazoo.errors import ArtifactError, DataError
from erazoo.publish import read_json, write_json
from scoring import distribution, ranks
from scoring.report import markup, pictures, write_report
from scoring.report import trials as trials_module
from scoring.report.comparison import runs
from scoring.report.figures import cumulative, rolling
from scoring.report.figures import trials as figures_of_trials
from scoring.report.figures.cumulative import below_peak, running_sum
from scoring.report.figures.per_era import trailing_mean
from scoring.report.figures.rolling import rolling_sharpe
from scoring.report.results import read_results
from scoring.report.sections import provenance
from scoring.report.sections.ensemble import member_weights
from scoring.report.verdict import final_verdict, notices, verdict

DOCUMENTED = [
    markup,
    distribution,
    ranks,
    cumulative,
    rolling,
    figures_of_trials,
    trials_module,
    provenance,
    runs,
    pictures,
]
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
        "rolling-chart",
        "era-chart",
        "correlation-chart",
        "exposure-chart",
        "past-future-chart",
        "training-chart",
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


def test_held_out_scores_on_another_target_are_not_set_beside(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    edit("evaluation/final.json", lambda scores: scores.update(target="target_other_60"))
    results = read_results(run)
    assert results.final is None
    assert final_verdict(results) == ""
    assert any("target_other_60, another target" in notice.words for notice in notices(results))


def test_what_to_be_wary_of(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    def said() -> str:
        return " ".join(f"{n.level}: {n.words}" for n in notices(read_results(run)))

    assert "warning: 1 of 5 models failed: tabm" in said()
    assert "note: These data are generated" in said()
    assert "alarm" not in said()

    clone = {"level": "alarm", "kind": "clone", "candidate": "mlp", "words": "mlp is a clone."}
    edit("evaluation/scores.json", lambda scores: scores["alarms"].append(clone))
    edit("evaluation/final.json", lambda scores: scores["alarms"].append(clone))
    edit("stages/train.json", lambda stage: stage["provenance"].update(erazoo="0.0.9"))
    assert said().startswith("alarm: mlp is a clone. alarm: Held-out eras: mlp is a clone.")
    assert "note: The stages of this run were made by different versions" in said()
    html = write_report(run).read_text()
    assert html.index("mlp is a clone.") < html.index('class="verdict"')
    words = " ".join(Page(html).words)
    assert re.search(r"Versions by stage\s+stage\s+erazoo\s+data\s+0\.1\.0", words)


def test_a_run_without_ensemble_or_references(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    def strip(scores: Any) -> None:
        for name in ("ensemble", "benchmark_a", "meta_model"):
            del scores["candidates"][name]
        for candidate in scores["candidates"].values():
            candidate["per_era"].update(mmc=None, bmc=None, fnc=None)
            candidate["summary"].update(mmc=None, bmc=None, fnc=None)
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
    assert bars["Validation", "fold-0"] == (97, 26)
    assert bars["Purged", "fold-0"] == (123, 8)
    assert bars["Embargo", "fold-0"] == (131, 2)
    assert bars["Training", "fold-0"] == (133, 30)
    assert bars["Training", "fold-1"] == (1, 114)
    assert bars["Purged", "fold-1"] == (115, 8)
    assert ("Embargo", "fold-1") not in bars
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
    traces = figures_of(write_report(run).read_text())["rolling-chart"][0]["data"]
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
    assert trailing_mean([None, None, 1.0, 3.0, 5.0], window=4) == [None, None, None, 2.0, 3.0]
    assert below_peak([None, None]) == [None, None]


def test_the_rolling_sharpe_is_that_of_each_window() -> None:
    draw = np.random.default_rng(2)
    values: list[float | None] = draw.normal(0.02, 0.03, 90).tolist()
    values[10] = values[40] = values[41] = None
    ratios = rolling_sharpe(values, 20)
    assert ratios[:19] == [None] * 19
    for last in (20, 30, 50, 90):
        held = np.array([v for v in values[last - 20 : last] if v is not None])
        assert ratios[last - 1] == pytest.approx(held.mean() / held.std())
    assert rolling_sharpe(values[:19], 20) == [None] * 19
    assert rolling_sharpe([None, None, None, 1.0, 1.0, 1.0, 2.0], 4)[:6] == [None] * 6


def test_the_deepest_drawdown_is_shaded_where_it_lies(run: Path) -> None:
    results = read_results(run)
    assert results.scores is not None
    top = results.scores.headline()
    assert top is not None
    (shade,) = figures_of(write_report(run).read_text())["cumulative-chart"][0]["layout"]["shapes"]
    begin = shade["x0"]
    sums = running_sum(top.corr and top.per_era["corr"])
    falls = [v for v in below_peak(sums) if v is not None]
    assert -min(falls) == pytest.approx(top.corr.drawdown)
    assert begin == top.corr.drawdown_start
    assert begin < int(np.argmin(falls)) <= shade["x1"]
    assert falls[begin] == 0


def test_a_score_that_never_fell_is_not_said_to_be_shaded(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    def caption() -> str:
        html = write_report(run).read_text()
        return " ".join(re.findall(r'cumulative-chart-caption">([^<]*)<', html))

    def rise(metric: str) -> Callable[[Any], object]:
        none = {"drawdown": 0.0, "drawdown_start": None, "drawdown_eras": 0}
        return lambda scores: scores["candidates"]["ensemble"]["summary"][metric].update(none)

    assert "the deepest drawdown of ensemble, peak to recovery" in caption()
    edit("evaluation/scores.json", rise("corr"))
    assert "the deepest drawdown of ensemble (MMC, BMC and FNC), peak to recovery" in caption()
    for metric in ("mmc", "bmc", "fnc"):
        edit("evaluation/scores.json", rise(metric))
    assert "shade" not in caption()


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


@pytest.mark.parametrize("module", DOCUMENTED)
def test_examples_in_docstrings(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_an_older_format_is_to_be_scored_again(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    edit("evaluation/scores.json", lambda scores: scores.pop("format"))
    with pytest.raises(ArtifactError, match=r"format 1.*Run `erazoo evaluate` again\."):
        write_report(run)
    edit("evaluation/scores.json", lambda scores: scores.update(format=2))
    edit("evaluation/final.json", lambda scores: scores.update(format=3))
    with pytest.raises(ArtifactError, match=r"format 3.*Run `erazoo evaluate --final` again\."):
        write_report(run)


def test_trials_past_and_future(run: Path) -> None:
    value = trials(400)
    write_json(run / "trials.json", value)
    html = write_report(run).read_text()
    drawn = figures_of(html)
    points, line, chosen, benchmark = drawn["past-future-chart"][0]["data"]
    scored = [t["scores"] for t in value["trials"] if t["scores"]["test"] is not None]
    past = np.array([one["validation"] for one in scored])
    future = np.array([one["test"] for one in scored])
    assert len(points["x"]) == len(past) == 399
    slope, intercept = np.polyfit(past, future, 1)
    np.testing.assert_allclose(line["y"], intercept + slope * np.array(line["x"]), atol=1e-4)
    words = " ".join(Page(html).words)
    assert f"399 trials, correlation {np.corrcoef(past, future)[0, 1]:.2f}" in words
    assert (chosen["marker"]["symbol"], benchmark["marker"]["symbol"]) == ("diamond", "star")
    assert chosen["x"] == [round(max(past), 5)]
    assert (benchmark["x"], benchmark["y"]) == ([0.7], [0.52])

    bars, mark, other = drawn["spread-chart"][0]["data"]
    assert sum(bars["y"]) == 400
    assert mark["x"] == [round(max(past), 6)] * 2
    assert other["x"] == [0.7, 0.7]
    assert "0 trials scored higher. Not shown: 1 failed." in words


@pytest.mark.parametrize(
    ("pull", "count", "said"),
    [
        (1.0, 30, "mostly better after"),
        (-1.0, 30, "mostly worse after"),
        (0.0, 2000, "no more than so few points can show by chance"),
        (0.1, 2000, "said little"),
        (0.4, 2000, "said something"),
        (0.9, 4, "no more than so few points can show by chance"),
    ],
)
def test_what_a_correlation_says(run: Path, pull: float, count: int, said: str) -> None:
    past = np.linspace(0, 1, count)
    waves = np.tile([1.0, -1.0, -1.0, 1.0], count // 4 + 1)[:count]
    future = pull * past + 0.29 * np.sqrt(1 - pull**2) * waves
    made = [
        {"id": str(k), "scores": {"validation": a, "test": b}}
        for k, (a, b) in enumerate(zip(past.tolist(), future.tolist(), strict=True))
    ]
    write_json(run / "trials.json", {"format": 1, "metric": "corr_mean", "trials": made})
    html = write_report(run).read_text()
    caption = re.search(r'past-future-chart-caption">([^<]*)<', html)
    assert caption is not None
    assert said in caption[1]


def test_trials_that_cannot_be_read(run: Path) -> None:
    lost = {"id": "a", "scores": {"validation": math.nan, "test": 0.5}}
    value = trials(20) | {"trials": [lost, *trials(20)["trials"]]}
    (run / "trials.json").write_text(json.dumps(value))
    drawn = figures_of(write_report(run).read_text())
    assert sum(drawn["spread-chart"][0]["data"][0]["y"]) == 20
    write_json(run / "trials.json", trials(20) | {"format": 2})
    with pytest.raises(ArtifactError, match=r"trials\.json.*another format.*format 2"):
        write_report(run)


def test_many_trials_are_thinned_on_the_chart_alone(run: Path) -> None:
    write_json(run / "trials.json", trials(9000))
    drawn = figures_of(write_report(run).read_text())
    assert len(drawn["past-future-chart"][0]["data"][0]["x"]) == 3000
    assert sum(drawn["spread-chart"][0]["data"][0]["y"]) == 9000
    assert len(drawn["spread-chart"][0]["data"][0]["y"]) == 60


def test_without_trials_the_candidates_are_the_points(run: Path) -> None:
    results = read_results(run)
    assert results.scores is not None
    assert results.final is not None
    points, *_, star = figures_of(write_report(run).read_text())["past-future-chart"][0]["data"]
    later = {c.name: c.corr.sharpe for c in results.final.candidates}
    assert set(points["text"]) == {"ensemble", "lightgbm", "ae_mlp", "mlp", "ridge"}
    np.testing.assert_allclose(points["y"], [later[n] for n in points["text"]], atol=1e-4)
    assert star["name"] == "benchmark_a"
    (run / "evaluation" / "final.json").unlink()
    html = write_report(run).read_text()
    assert "past-future-chart" not in figures_of(html)
    assert 'id="trials"' not in html


def test_classes_are_shown_with_their_calibration(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    def classify(scores: Any) -> None:
        scores["candidates"]["mlp"]["classification"] = classification(0.3)

    assert "calibration-chart" not in figures_of(write_report(run).read_text())
    edit("evaluation/scores.json", classify)
    html = write_report(run).read_text()
    _, curve = figures_of(html)["calibration-chart"][0]["data"]
    assert curve["name"] == "mlp"
    assert curve["x"][0] == 0.05
    assert curve["y"][0] == pytest.approx(0.5 - 0.45 * 0.7)
    assert "Average precision" in " ".join(Page(html).words)


def test_training_curves_mark_the_epoch_that_was_kept(run: Path) -> None:
    views = figures_of(write_report(run).read_text())["training-chart"]
    recorded = read_json(run / "models" / "mlp" / "result.json")["folds"]
    assert len(views) == 2 * 2
    rings = [t for t in views[2]["data"] if t["mode"] == "markers"]
    assert [ring["x"] for ring in rings] == [[fold["best_epoch"]] for fold in recorded]
    kept = [fold["history"]["val_loss"][fold["best_epoch"] - 1] for fold in recorded]
    np.testing.assert_allclose([ring["y"][0] for ring in rings], kept, atol=1e-6)


def test_what_features_are_worth_is_drawn_the_most_worth_first(run: Path) -> None:
    assert "importance-chart" not in write_report(run).read_text()
    write_json(run / "models" / "mlp" / "importance.json", importance(30))
    page = write_report(run).read_text()
    views = figures_of(page)["importance-chart"]
    said = [f"mlp, {of}" for of in ("SHAP, features", "SHAP, groups", "gain, features")]
    assert [view["label"] for view in views[:3]] == said
    assert len(views) == 5
    assert "feature_unaesthetical_disheartening_19" in page
    [bars] = views[0]["data"]
    assert bars["x"] == sorted(bars["x"], reverse=True)
    assert len(bars["x"]) == 20
    assert bars["y"][0] == "unaesthetical_disheartening_00"
    assert bars["hovertemplate"].startswith("feature_%{y}")
    assert views[1]["data"][0]["y"][0] == "intelligence"
    [losses] = views[4]["data"]
    assert losses["error_x"]["array"][0] == 0.001
    assert losses["y"] == bars["y"]


def test_a_damaged_importance_is_one_clear_error(run: Path) -> None:
    write_json(run / "models" / "mlp" / "importance.json", {"shap": {"features": {"a": "much"}}})
    with pytest.raises(ArtifactError, match="a result file is damaged.*importance.json"):
        write_report(run)


def test_exposures_by_group(run: Path) -> None:
    mean, largest = figures_of(write_report(run).read_text())["exposure-chart"]
    scores = read_json(run / "evaluation" / "scores.json")
    held = scores["candidates"]["mlp"]["exposure"]["groups"]
    for view, figure in ((mean, "mean"), (largest, "max")):
        (trace,) = view["data"]
        row = trace["z"][trace["y"].index("mlp")]
        np.testing.assert_allclose(row, [held[g][figure] for g in trace["x"]], atol=1e-4)


def test_provenance_is_on_the_page(
    run: Path,
    edit: Callable[[str, Callable[[Any], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NUMERAI_SECRET_KEY", "ABCDEFSECRET")
    edit("config.json", lambda config: config["submit"].update(slot="of ABCDEFSECRET"))
    html = write_report(run).read_text()
    words = re.sub(r"\s+", " ", " ".join(Page(html).words))
    for said in ("43f4b6b1f6ad3fbc", "e8db5eca41d9bdc5", "0123456789ab", "lightgbm 4.7.0"):
        assert said in words
    assert "Seed 7 Seed of the data 11" in words
    assert '"alpha": 1.0' in words
    assert "ABCDEFSECRET" not in html
    assert "NUMERAI_SECRET_KEY" in words


def test_the_table_sets_training_beside_validation(run: Path) -> None:
    html = write_report(run).read_text()
    scores = read_json(run / "evaluation" / "scores.json")["candidates"]["lightgbm"]
    row = re.search(r'<tr class="model"><th [^>]*data-value="lightgbm".*?</tr>', html)
    assert row is not None
    words = Page(row[0]).words
    corr = scores["summary"]["corr"]
    for value in (corr["mean"], scores["train"]["corr"]["mean"]):
        assert f"{value:.4f}" in words
    assert f"{corr['low']:.4f} to {corr['high']:.4f}" in words
    assert f"{scores['overfitting']:.1f} {markup.TIMES}" in words
    assert f"{100 * scores['deflated_sharpe']:.0f} %" in words
    assert {"0.1064", "others 0.1169", "0.222", "0.160"} < set(words)


def test_a_candidate_of_fewer_eras_says_so(run: Path) -> None:
    words = " ".join(Page(write_report(run).read_text()).words)
    assert "meta model, 70 of 104 eras" in words
    assert words.count("of 104 eras") == 1


def test_sets_of_columns_that_hold_nothing_of_their_own_are_not_offered(
    run: Path, edit: Callable[[str, Callable[[Any], object]], None]
) -> None:
    def sets() -> list[str]:
        html = write_report(run).read_text()
        (chooser,) = re.findall(r"<select data-columns=.*?</select>", html)
        return re.findall(r">([^<]+)</option>", chooser)

    def strip(scores: Any) -> None:
        for candidate in scores["candidates"].values():
            candidate.update(exposure=None, like={})
            candidate["per_era"]["fnc"] = candidate["summary"]["fnc"] = None

    assert "Likeness and exposure" in sets()
    edit("evaluation/scores.json", strip)
    assert "Likeness and exposure" not in sets()
    assert sets()[0] == "Main figures"
    assert sets()[-1] == "All columns"


def test_headings_stand_in_order(run: Path) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", write_report(run).read_text())]
    assert levels[0] == 1
    assert levels.count(1) == 1
    steps = [after - before for before, after in itertools.pairwise(levels)]
    assert max(steps) == 1


def test_every_chart_is_described_in_words(run: Path) -> None:
    write_json(run / "trials.json", trials(30))
    html = write_report(run).read_text()
    for figure in figures_of(html):
        found = re.search(rf'<figcaption id="{figure}-caption">(.*?)</figcaption>', html)
        assert found is not None
        assert len(found[1]) > 40, figure
    numbers = re.findall(r"<summary>The numbers<span[^>]*> of: ([^<]+)</span>", html)
    assert "Correlation between candidates" in numbers
    assert "Which eras each fold learns from and is scored on" in numbers


def test_a_list_that_stands_several_times_is_written_once(run: Path) -> None:
    html = write_report(run).read_text()
    held = json.loads(re.search(r'id="figures">(.*?)</script>', html, re.DOTALL)[1])  # type: ignore[index]
    eras = read_json(run / "evaluation" / "scores.json")["eras"]
    assert held["lists"].count(eras) == 1
    assert html.count(json.dumps(eras, separators=(",", ":"))) == 1


def luminance(colour: str) -> float:
    """Relative luminance of a colour in hex digits (WCAG 2.2)."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1])
def test_text_and_lines_stand_out_from_their_ground(theme: int) -> None:
    style = files("scoring.report").joinpath("report.css").read_text()
    pairs = re.findall(r"--([a-z0-9-]+): light-dark\((#\w{6}), (#\w{6})\)", style)
    light = {name: luminance(colours[theme]) for name, *colours in pairs}

    def contrast(name: str, ground: str) -> float:
        low, high = sorted((light[name], light[ground]))
        return (high + 0.05) / (low + 0.05)

    for ground in ("page", "card"):
        for name in ("ink", "soft", "faint", "accent", "note", "warning", "alarm"):
            assert contrast(name, ground) >= 4.5, name
        for k in range(1, 9):
            assert contrast(f"series-{k}", ground) >= 3, k
    for ground in ("heat-below", "heat-zero", "heat-above"):
        assert contrast("ink", ground) >= 4.5, ground


def test_the_headline_is_of_the_standard_ensemble(run: Path) -> None:
    scores = read_results(run).scores
    assert scores is not None
    top = scores.headline()
    assert top is not None
    better = replace(top, name="unique")
    assert replace(scores, candidates=(better, *scores.candidates)).headline() == top
