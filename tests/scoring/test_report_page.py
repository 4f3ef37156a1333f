"""The page in a real browser: drawn, quiet, offline, usable on a phone and by keyboard."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from contracts.browser import LOOK, Visitor, open_page
from contracts.runs import Shape, classification, importance, trials, write_run

from erazoo.publish import read_json, write_json
from scoring.report import save_pictures, write_comparison, write_report
from scoring.report.browser import BrowserError

pytestmark = pytest.mark.browser
SIZES = list(itertools.product((1280, 390), ("light", "dark")))


@pytest.fixture(scope="module")
def full_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has every chart."""
    run = write_run(tmp_path_factory.mktemp("full") / "run")
    write_json(run / "trials.json", trials(300))
    scores = read_json(run / "evaluation" / "scores.json")
    scores["candidates"]["mlp"]["classification"] = classification(0.3)
    alarm = {"level": "alarm", "kind": "clone", "candidate": "mlp", "words": "mlp is a clone."}
    scores["alarms"].append(alarm)
    write_json(run / "evaluation" / "scores.json", scores)
    write_json(run / "models" / "lightgbm" / "importance.json", importance(30))
    return run


@pytest.fixture(scope="module")
def page(full_run: Path) -> Path:
    return write_report(full_run)


LEGIBLE = """
  found.page = getComputedStyle(document.body).backgroundColor;
  found.cut = [...document.querySelectorAll(".chart")].map((chart) => {
    const boxes = [...chart.querySelectorAll(".xtick text, .ytick text, .y2tick text")]
      .map((label) => label.getBoundingClientRect()).filter((box) => box.width > 0);
    const frame = chart.getBoundingClientRect();
    const cut = boxes.filter((box) => box.left < frame.left - 1 || box.right > frame.right + 1
      || box.bottom > frame.bottom + 1);
    return [chart.id, cut.length];
  }).filter(([, cut]) => cut > 0);
  found.small = [...document.querySelectorAll("button, select, summary, nav a")]
    .filter((e) => !e.closest(".chart") && e.checkVisibility())
    .filter((e) => e.getBoundingClientRect().height < 20)
    .map((e) => e.outerHTML.slice(0, 80));
"""


@pytest.mark.parametrize(("width", "theme"), SIZES)
def test_everything_is_drawn_without_network_or_complaint(
    page: Path, width: int, theme: str
) -> None:
    with open_page(page, width, theme) as visitor:
        found = visitor.run(LOOK + LEGIBLE)
        assert visitor.console == []
        assert visitor.requests == []
    assert found["width"] == width
    assert found["overflow"] <= 0
    assert found["spill"] == []
    assert found["cut"] == []
    assert found["small"] == []
    assert found["page"] == {"light": "rgb(251, 250, 248)", "dark": "rgb(20, 22, 26)"}[theme]
    marks = found["marks"]
    assert marks.pop("rows-chart") >= 240
    assert marks == {
        "mean-chart": 7,
        "cumulative-chart": 7 * 2,
        "rolling-chart": 7,
        "era-chart": 104 + 1,
        "correlation-chart": 1,
        "exposure-chart": 1,
        "calibration-chart": 2 + 10,
        "past-future-chart": 299 + 1 + 2,
        "spread-chart": 17 + 2,
        "training-chart": 5 * 2 + 5,
        "importance-chart": 20,
        "folds-chart": 6 + 6 + 1 + 4 + 1,
        "target-chart": 5,
    }


TABLE = """
  const names = () => texts(".models tbody th span");
  const heads = [...document.querySelectorAll(".models thead button")];
  const place = heads.findIndex((button) => button.textContent === "Sharpe");
  const column = () => [...document.querySelectorAll(".models tbody tr")].map((row) =>
    row.children[place] ? row.children[place].dataset.value : "");
  const order = () => heads[place].parentElement.getAttribute("aria-sort");
"""
USE = (
    TABLE
    + """
  found.first = names();
  heads[place].click();
  found.sharpe = column();
  found.order = order();
  found.failed = names().at(-1);
  heads[place].click();
  found.rising = column();
  heads[0].click();
  found.words = names();

  const sets = document.querySelector("select[data-columns]");
  const wide = () => [...document.querySelectorAll(".models thead th")]
    .filter((head) => !head.hidden).map((head) => head.textContent);
  found.main = wide();
  sets.value = "Likeness and exposure";
  sets.dispatchEvent(new Event("change"));
  found.alike = wide();
  sets.value = "";
  sets.dispatchEvent(new Event("change"));
  found.all = wide();
  found.ragged = [...document.querySelectorAll(".models tbody tr")].filter((row) =>
    [...row.cells].reduce((sum, cell) => sum + (cell.hidden ? 0 : cell.colSpan), 0)
      !== found.all.length).length;

  const select = document.querySelector("select[data-figure=era-chart]");
  const heights = () => JSON.stringify(document.getElementById("era-chart").data[0].y);
  const before = heights();
  select.value = "1";
  select.dispatchEvent(new Event("change"));
  found.switched = before !== heights();

  const lines = () => document.getElementById("cumulative-chart").data
    .filter((trace) => trace.visible).length;
  const key = () => document.querySelector("#cumulative-chart-legend button");
  found.keys = texts("#cumulative-chart-legend button");
  found.lines = [lines()];
  key().click();
  found.lines.push(lines(), key().getAttribute("aria-pressed"));
  key().click();
  found.lines.push(lines());
  document.querySelector("#cumulative-chart-legend .all:last-child").click();
  found.lines.push(lines());

  const page = () => getComputedStyle(document.body).backgroundColor;
  const line = () => document.getElementById("rolling-chart").data[0].line.color;
  const theme = document.getElementById("theme");
  found.themes = [];
  for (let k = 0; k < 3; k += 1) {
    theme.click();
    await drawn();
    found.themes.push([theme.textContent, page(), line()]);
  }
  found.nameless = [...document.querySelectorAll("button, select, .scroll, .chart")]
    .filter((e) => !(e.textContent || e.ariaLabel || e.getAttribute("aria-labelledby"))
      && !e.closest("label")).length;
"""
)


def test_the_page_answers(page: Path) -> None:
    with open_page(page) as visitor:
        found = visitor.run(USE)
        assert visitor.console == []
    assert found["first"][0] == "ensemble"
    sharpe = [float(v) for v in found["sharpe"] if v]
    assert len(sharpe) == 7
    assert sharpe == sorted(sharpe, reverse=True)
    assert found["order"] == "descending"
    assert found["failed"] == "tabm"
    assert [float(v) for v in found["rising"] if v] == sorted(sharpe)
    assert found["rising"][-1] == ""
    assert found["words"] == sorted(found["words"])

    assert {"Training CORR", "Overfitting", "Deflated Sharpe"} < set(found["main"])
    assert "Like benchmark" not in found["main"]
    assert {"Like benchmark", "Largest exposure"} < set(found["alike"])
    assert "Sharpe" not in found["alike"]
    assert set(found["main"]) | set(found["alike"]) < set(found["all"])
    assert found["ragged"] == 0

    assert found["switched"] is True
    assert found["keys"][:2] == ["ensemble", "lightgbm"]
    assert found["lines"] == [14, 12, "false", 14, 0]

    (light_name, light, light_line), (dark_name, dark, dark_line), (auto, *_) = found["themes"]
    assert (light_name, dark_name, auto) == ("Theme: light", "Theme: dark", "Theme: auto")
    assert light != dark
    assert light_line != dark_line
    assert found["nameless"] == 0


MARK = """
  const wanted = [...document.querySelectorAll(
    "a[href], button, select, summary, .scroll, pre[tabindex]")]
    .filter((e) => !e.closest(".chart") && e.checkVisibility());
  wanted.forEach((e, k) => { e.dataset.place = k; });
  found.count = wanted.length;
"""


def walk(visitor: Visitor, count: int) -> list[int]:
    """The places in which the Tab key stops, in order."""
    stops = []
    for _ in range(count + 30):
        visitor.press("Tab")
        place = visitor.browser.evaluate("document.activeElement.dataset.place")
        if place is not None:
            stops.append(int(place))
        if place is not None and int(place) == count - 1:
            break
    return stops


@pytest.mark.parametrize("width", [1280, 390])
def test_the_keyboard_reaches_everything_in_order(page: Path, width: int) -> None:
    with open_page(page, width) as visitor:
        opened = "document.querySelectorAll('details').forEach((d) => { d.open = true; });"
        count = visitor.run(opened + MARK)["count"]
        stops = walk(visitor, count)
    assert count > 90
    assert stops == list(range(count))


def test_the_table_is_sorted_by_keyboard(page: Path) -> None:
    with open_page(page) as visitor:
        visitor.run(MARK)
        focused = "document.activeElement.closest('.models thead') && document.activeElement"
        for _ in range(40):
            visitor.press("Tab")
            if visitor.browser.evaluate(f"({focused} || {{}}).textContent") == "Sharpe":
                break
        states = []
        for key in ("Enter", "Space"):
            visitor.press(key)
            states.append(visitor.run(TABLE + "found.order = order(); found.column = column();"))
    (falling, rising), orders = (s["column"] for s in states), [s["order"] for s in states]
    assert orders == ["descending", "ascending"]
    values = [float(v) for v in falling if v]
    assert values == sorted(values, reverse=True)
    assert [float(v) for v in rising if v] == sorted(values)


def test_figures_are_saved_by_their_buttons(page: Path, tmp_path: Path) -> None:
    with open_page(page) as visitor:
        visitor.browser.send(
            "Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path)
        )
        for kind in ("png", "svg"):
            click = (
                f"document.querySelector('[data-save=folds-chart][data-format={kind}]').click();"
            )
            visitor.run(click)
            saved = tmp_path / f"folds-chart.{kind}"
            arrived(saved)
        said = visitor.run("found.said = document.getElementById('status').textContent;")["said"]
        assert visitor.console == []
        assert visitor.requests == []
    assert said == "Saved folds-chart.svg."
    assert (tmp_path / "folds-chart.png").read_bytes().startswith(b"\x89PNG")
    drawing = (tmp_path / "folds-chart.svg").read_text()
    assert "Which eras each fold learns from" in drawing
    assert "Embargo" in drawing
    assert "var(--" not in drawing


def arrived(path: Path) -> None:
    until = time.monotonic() + 60
    while not (path.is_file() and path.stat().st_size):
        assert time.monotonic() < until, f"{path.name} was not saved"
        time.sleep(0.05)


def test_every_view_is_saved_from_the_command_line(full_run: Path, tmp_path: Path) -> None:
    page = write_report(full_run, tmp_path / "page.html")
    saved = save_pictures(page, tmp_path / "figures", "svg")
    names = [path.name for path in saved]
    assert len(set(names)) == len(names) == len(list((tmp_path / "figures").iterdir()))
    assert {"cumulative-chart.MMC.svg", "era-chart.ensemble.svg", "folds-chart.svg"} < set(names)
    for path in saved:
        text = path.read_text()
        assert text.startswith("<svg")
        assert "var(--" not in text


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 30 models over 1,200 scored eras, and 20,000 trials."""
    shape = Shape(eras=1500, first_scored=250, held_out=1450, models=30)
    run = write_run(tmp_path_factory.mktemp("large") / "run", shape)
    write_json(run / "trials.json", trials(20_000))
    return write_report(run)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_large_run_has_a_page_of_sane_size(large: Path, width: int) -> None:
    assert large.stat().st_size < 12_000_000
    with open_page(large, width) as visitor:
        found = visitor.run(LOOK)
        assert visitor.console == []
    assert found["overflow"] <= 0
    assert found["spill"] == []
    assert found["marks"]["era-chart"] == 1200 + 1
    drawn = 1 + 8 + 2
    assert found["marks"]["rolling-chart"] == drawn


def test_a_comparison_is_drawn(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, name=name) for name in ("one", "two")]
    config: dict[str, Any] = read_json(runs[1] / "config.json")
    config["run"]["seed"] = 9
    write_json(runs[1] / "config.json", config)
    page = write_comparison(runs, tmp_path / "comparison.html")
    with open_page(page, 390, "dark") as visitor:
        found = visitor.run(LOOK)
        assert visitor.console == []
        assert visitor.requests == []
    assert found["overflow"] <= 0
    assert found["spill"] == []
    assert found["marks"] == {"mean-chart": 4, "cumulative-chart": 8, "rolling-chart": 4}


def test_a_browser_leaves_nothing_behind(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_page(page) as visitor:
        assert len(list(tmp_path.iterdir())) == 1
        with pytest.raises(BrowserError, match="a script failed in the page.*lost"):
            visitor.browser.evaluate("Promise.reject(new Error('lost'))")
        with pytest.raises(BrowserError, match=r"refused Page\.nonsense"):
            visitor.browser.send("Page.nonsense")
    assert list(tmp_path.iterdir()) == []
