"""A page in a real browser, as wide as a phone or a desk."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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
"""Finds what is drawn, what is wider than it may be and what was asked of the network."""


@dataclass(frozen=True)
class Visit:
    """What a script found on the page, and what the browser's console said."""

    found: dict[str, Any]
    console: list[str]


def visit_page(folder: Path, text: str, body: str, width: int) -> Visit:
    """Open a page and run a script in it; the test is skipped where there is no browser.

    Args:
        folder: takes the page and the browser's profile.
        text: of the page.
        body: statements that fill `found`.
        width: of the window, in pixels.
    """
    browser = next((path for name in NAMES if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no browser is installed (looked for {', '.join(NAMES)})")
    (folder / "page.html").write_text(text.replace("</body>", PROBE.format(body=body)))
    (folder / "frame.html").write_text(FRAME.format(width=width))
    command = [
        browser,
        *FLAGS,
        f"--user-data-dir={folder / f'profile-{width}'}",
        f"--window-size={max(width, 600)},900",
        "--dump-dom",
        (folder / "frame.html").as_uri(),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    answer = re.search(r"<pre>(.+?)</pre>", ended.stdout, re.DOTALL)
    console = [line for line in ended.stderr.splitlines() if "CONSOLE" in line]
    assert answer is not None, console
    return Visit(json.loads(html.unescape(answer[1])), console)
