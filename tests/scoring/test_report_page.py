"""The page in a real browser: drawn, quiet, offline, usable on a phone and by keyboard."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scoring.report import write_report

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=20000",
)
# A browser window is never as narrow as a phone: the page is opened in a frame that is.
FRAME = """<!doctype html><title>frame</title><body style="margin:0">
<iframe src="page.html" style="border:0;width:{width}px;height:900px"></iframe><pre></pre>
<script>onmessage = (event) => {{
  document.querySelector("pre").textContent = JSON.stringify(event.data);
}};</script>"""
PROBE = """<script>addEventListener("load", () => setTimeout(async () => {{
  const found = {{}};
  const texts = (query) => [...document.querySelectorAll(query)].map((e) => e.textContent);
  const pause = () => new Promise((done) => setTimeout(done, 500));
  {body}
  parent.postMessage(found, "*");
}}, 1000));</script></body>"""


@dataclass(frozen=True)
class Visit:
    """What a script found on the page, and what the browser's console said."""

    found: dict[str, Any]
    console: list[str]


@pytest.fixture(scope="module")
def visit(
    example_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, int], Visit]:
    """Open the example report at a width and run a script in it."""
    browser = next((path for name in NAMES if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no browser is installed (looked for {', '.join(NAMES)})")
    folder = tmp_path_factory.mktemp("browser")
    text = write_report(example_run, folder / "report.html").read_text()

    def open_page(body: str, width: int) -> Visit:
        page = folder / "page.html"
        page.write_text(text.replace("</body>", PROBE.format(body=body)))
        (folder / "frame.html").write_text(FRAME.format(width=width))
        profile = folder / f"profile-{width}"
        command = [
            browser,
            *FLAGS,
            f"--user-data-dir={profile}",
            f"--window-size={max(width, 600)},900",
            "--dump-dom",
            (folder / "frame.html").as_uri(),
        ]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        answer = re.search(r"<pre>(.+?)</pre>", ended.stdout, re.DOTALL)
        console = [line for line in ended.stderr.splitlines() if "CONSOLE" in line]
        assert answer is not None, console
        return Visit(json.loads(html.unescape(answer[1])), console)

    return open_page


LOOK = """
  found.width = innerWidth;
  found.overflow = document.documentElement.scrollWidth - innerWidth;
  found.requests = performance.getEntriesByType("resource").map((entry) => entry.name);
  found.marks = Object.fromEntries([...document.querySelectorAll(".chart")].map((chart) => [
    chart.id,
    [...chart.querySelectorAll(".point path, path.point, path.js-line, .hm image")]
      .filter((mark) => !mark.closest(".legend")).length,
  ]));
  found.spill = [...document.querySelectorAll(".chart")].filter((chart) =>
    chart.querySelector("svg").getBoundingClientRect().right
      > chart.parentElement.getBoundingClientRect().right + 1).map((chart) => chart.id);
"""


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
