"""The figures of a page as picture files, drawn by a headless Chromium."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from erazoo.logs import progress
from erazoo.publish import make_dir, write_bytes
from scoring.report.browser import Browser

Format = Literal["png", "svg"]
_DRAWN = """new Promise((done) => {
  document.documentElement.dataset.theme = "light";
  const look = () => (
    document.documentElement.dataset.drawn ? done(window.erazooFigures.views) : setTimeout(look, 50)
  );
  look();
})"""


def save_pictures(page: Path, folder: Path, kind: Format = "png") -> list[Path]:
    """Save every view of every figure of a page, in the light theme, 1,100 pixels wide.

    PNG files have twice as many pixels. A name is the figure's id, and its view's where it has
    several: `cumulative-chart.mmc.png`.

    Args:
        page: a report, a comparison or an inspection.
        folder: made where it is not there.
        kind: of the files.

    Returns:
        The files, in the order of the page.

    Raises:
        MissingExtraError: no Chromium is installed.
        BrowserError: it fails.
        ConfigError: the folder cannot be made.
    """
    make_dir(folder)
    written = []
    with Browser() as browser:
        browser.open(page.resolve().as_uri())
        views = browser.evaluate(_DRAWN)
        for view in progress(views, "figures", len(views)):
            words = ", ".join(json.dumps(x) for x in (view["id"], view["view"], kind))
            url = browser.evaluate(f"window.erazooFigures.image({words})")
            path = folder / f"{file_stem(view['id'], view['label'])}.{kind}"
            write_bytes(path, _content(url))
            written.append(path)
    return written


def file_stem(figure: str, view: str) -> str:
    """A figure's file name without its ending.

    >>> file_stem("era-chart", "my model/2"), file_stem("folds-chart", "")
    ('era-chart.my-model-2', 'folds-chart')
    """
    safe = re.sub(r"[^A-Za-z0-9_]+", "-", view).strip("-")
    return f"{figure}.{safe}" if safe else figure


def _content(url: str) -> bytes:
    head, _, body = url.partition(",")
    return base64.b64decode(body) if head.endswith(";base64") else unquote(body).encode()
