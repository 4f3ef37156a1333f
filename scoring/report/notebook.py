"""Figures of a page as plotly figures, for notebooks."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from erazoo.errors import ConfigError
from scoring.report.figures.base import Figure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

Theme = Literal["light", "dark"]
_COLOUR = re.compile(r"--([a-z0-9-]+): light-dark\(((?:rgba\([^)]*\)|[^,()])+), (.+)\);")
_NAME = re.compile(r"var\(--([a-z0-9-]+)\)")


def as_plotly(figure: Figure, view: str = "", theme: Theme = "light") -> PlotlyFigure:
    """One view of a figure with the colours of a theme of the page.

    Args:
        figure: of a page.
        view: its label; the first where empty.
        theme: `light` or `dark`.

    Returns:
        A `plotly.graph_objects.Figure`, with the figure's title.

    Raises:
        ConfigError: the figure has no such view.
    """
    from plotly.graph_objects import Figure as PlotlyFigure

    labels = [one.label for one in figure.views]
    if view and view not in labels:
        raise ConfigError(
            "the figure has no such view", received=view, expected=", ".join(filter(None, labels))
        )
    content = figure.to_json()
    chosen = _painted(content["views"][labels.index(view) if view else 0], theme)
    shown = {"title": {"text": content["title"]}, "height": figure.height + 80}
    margin = {"l": 60, "r": 30, "t": 70, "b": 50}
    return PlotlyFigure(chosen["data"], {**chosen["layout"], **shown, "margin": margin})


def _painted(value: Any, theme: Theme) -> Any:
    """The same with every name of a colour replaced by the colour."""
    if isinstance(value, dict):
        return {key: _painted(item, theme) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_painted(item, theme) for item in value]
    if isinstance(value, str) and (named := _NAME.fullmatch(value)):
        return _colours(theme)[named[1]]
    return value


@cache
def _colours(theme: Theme) -> dict[str, str]:
    """The colours of the page's style sheet by name."""
    sheet = files("scoring.report").joinpath("report.css").read_text(encoding="utf-8")
    return {
        name: (light if theme == "light" else dark).strip()
        for name, light, dark in _COLOUR.findall(sheet)
    }
