"""The page in a real browser: drawn, quiet, offline, usable on a phone and by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from contracts.browser import LOOK, Visit, visit_page

from scoring.report import write_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def visit(
    example_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, int], Visit]:
    """Open the example report at a width and run a script in it."""
    folder = tmp_path_factory.mktemp("browser")
    text = write_report(example_run, folder / "report.html").read_text()
    return lambda body, width: visit_page(folder, text, body, width)


@pytest.mark.parametrize("width", [1400, 390])
def test_everything_is_drawn_without_network_or_complaint(
    visit: Callable[[str, int], Visit], width: int
) -> None:
    page = visit(LOOK, width)
    assert page.console == []
    assert page.found["width"] == width
    assert page.found["overflow"] <= 0
    assert page.found["spill"] == []
    assert [r for r in page.found["requests"] if not r.startswith("data:")] == []
    marks = page.found["marks"]
    assert marks["mean-chart"] == 7
    assert marks["cumulative-chart"] == 7
    assert marks["era-chart"] == 104 + 1
    assert marks["correlation-chart"] == 1
    assert marks["folds-chart"] == 3 * 4 + 3
    assert marks["rows-chart"] >= 240
    assert marks["target-chart"] == 5


USE = """
  const names = () => texts(".models tbody th span");
  const head = (name) => [...document.querySelectorAll(".models thead button")]
    .find((button) => button.textContent === name);
  found.first = names();
  head("Sharpe").click();
  found.sharpe = [...document.querySelectorAll(".models tbody tr")].map((row) =>
    row.children[4] ? row.children[4].dataset.value : "");
  found.order = head("Sharpe").parentElement.getAttribute("aria-sort");
  found.failed = names().at(-1);
  head("Sharpe").click();
  found.rising = [...document.querySelectorAll(".models tbody tr")].map((row) =>
    row.children[4] ? row.children[4].dataset.value : "");
  head("Candidate").click();
  found.words = names();

  const select = document.querySelector("select[data-figure=era-chart]");
  const heights = () => JSON.stringify(document.getElementById("era-chart").data[0].y);
  const before = heights();
  select.value = "1";
  select.dispatchEvent(new Event("change"));
  found.switched = before !== heights();

  const page = () => getComputedStyle(document.body).backgroundColor;
  const line = () => document.getElementById("cumulative-chart").data[0].line.color;
  const theme = document.getElementById("theme");
  found.themes = [];
  for (let k = 0; k < 3; k += 1) {
    theme.click();
    await pause();
    found.themes.push([theme.textContent, page(), line()]);
  }

  const wanted = [...document.querySelectorAll("a[href], button, select, summary, .scroll")]
    .filter((element) => !element.closest(".chart"));
  found.deaf = wanted.filter((element) => {
    element.focus();
    return document.activeElement !== element;
  }).map((element) => element.outerHTML.slice(0, 80));
  found.reachable = wanted.length;
  found.nameless = [...document.querySelectorAll("button, select, .scroll, .chart")]
    .filter((e) => !(e.textContent || e.ariaLabel || e.getAttribute("aria-labelledby"))
      && !e.closest("label")).length;
"""


def test_the_page_answers(visit: Callable[[str, int], Visit]) -> None:
    page = visit(USE, 1400)
    found = page.found
    assert page.console == []

    assert found["first"][0] == "ensemble"
    sharpe = [float(v) for v in found["sharpe"] if v]
    assert len(sharpe) == 7
    assert sharpe == sorted(sharpe, reverse=True)
    assert found["order"] == "descending"
    assert found["failed"] == "tabm"
    assert [float(v) for v in found["rising"] if v] == sorted(sharpe)
    assert found["rising"][-1] == ""
    assert found["words"] == sorted(found["words"])
    assert found["switched"] is True

    (light_name, light, light_line), (dark_name, dark, dark_line), (auto, *_) = found["themes"]
    assert (light_name, dark_name, auto) == ("Theme: light", "Theme: dark", "Theme: auto")
    assert light != dark
    assert light_line != dark_line

    assert found["reachable"] > 20
    assert found["deaf"] == []
    assert found["nameless"] == 0
