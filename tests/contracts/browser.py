"""A page in a real browser: as wide as a phone or a desk, light or dark, used by keyboard."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from erazoo.machine import BROWSERS
from scoring.report.browser import Browser

LOOK = """
  found.width = innerWidth;
  found.overflow = document.documentElement.scrollWidth - innerWidth;
  found.marks = Object.fromEntries([...document.querySelectorAll(".chart")].map((chart) => [
    chart.id,
    [...chart.querySelectorAll(".point path, path.point, path.js-line, .hm image")].length,
  ]));
  found.spill = [...document.querySelectorAll(".chart")].filter((chart) =>
    chart.querySelector("svg").getBoundingClientRect().right
      > chart.parentElement.getBoundingClientRect().right + 1).map((chart) => chart.id);
"""
"""Finds what is drawn and what is wider than it may be."""
_SCRIPT = """(async () => {
  const found = {};
  const texts = (query) => [...document.querySelectorAll(query)].map((e) => e.textContent);
  const drawn = () => new Promise((done) => {
    const look = () => (
      document.documentElement.dataset.drawn ? done() : setTimeout(look, 20)
    );
    look();
  });
  await drawn();
  %s
  return found;
})()"""
KEYS = {
    "Tab": {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9},
    "Enter": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    "Space": {"key": " ", "code": "Space", "windowsVirtualKeyCode": 32, "text": " "},
}


class Visitor:
    """Somebody who looks at a page and uses it."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def run(self, body: str) -> dict[str, Any]:
        """Run statements that fill `found`, once everything is drawn."""
        return dict(self.browser.evaluate(_SCRIPT % body))

    def press(self, key: str) -> None:
        """Press a key of `KEYS`."""
        self.browser.send("Input.dispatchKeyEvent", type="keyDown", **KEYS[key])
        self.browser.send("Input.dispatchKeyEvent", type="keyUp", **KEYS[key])

    @property
    def console(self) -> list[str]:
        """What the browser complained of or scripts wrote."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(e["params"]) for e in self.browser.events if e["method"] in kinds]

    @property
    def requests(self) -> list[str]:
        """Addresses that were asked for, beside the page itself and what it carries."""
        asked = [
            event["params"]["request"]["url"]
            for event in self.browser.events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in asked if not url.startswith(("data:", "blob:", "file:"))]


@contextmanager
def open_page(page: Path, width: int = 1280, theme: str = "light") -> Iterator[Visitor]:
    """Open a page; the test is skipped where there is no browser.

    Args:
        page: the file.
        width: of the window, in pixels; a narrow one is a phone.
        theme: that the system prefers, `light` or `dark`.
    """
    if not any(shutil.which(name) for name in BROWSERS):
        pytest.skip(f"no browser is installed (looked for {', '.join(BROWSERS)})")
    with Browser() as browser:
        browser.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        browser.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": theme}],
        )
        browser.open(page.resolve().as_uri())
        yield Visitor(browser)


@dataclass(frozen=True)
class Visit:
    """What a script found on the page, what was asked for, and what the console said."""

    found: dict[str, Any]
    requests: list[str]
    console: list[str]


def visit_page(folder: Path, text: str, body: str, width: int) -> Visit:
    """Open a page and run a script in it; see `open_page` and `Visitor.run`.

    Args:
        folder: takes the page.
        text: of the page.
        body: statements that fill `found`.
        width: of the window, in pixels.
    """
    page = folder / "page.html"
    page.write_text(text)
    with open_page(page, width) as visitor:
        return Visit(visitor.run(body), visitor.requests, visitor.console)
