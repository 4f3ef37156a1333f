"""What all figures share: the record, theme colours, axes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from scoring.report.markup import tag, text
from scoring.report.results import BENCHMARK, ENSEMBLE, META_MODEL, MODEL, Candidate

Trace = dict[str, Any]
COLOURS = 8
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class View:
    """One state of a figure: plotly traces, and what differs from the common layout."""

    label: str
    traces: Sequence[Trace]
    layout: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A figure with one or more views; several views are chosen from a list.

    Args:
        id: unique on the page.
        title: plain text above the figure.
        caption: plain text below it: how to read it.
        views: the first is drawn at first.
        height: pixels.
        choice: the label of the list of views.
    """

    id: str
    title: str
    caption: str
    views: Sequence[View]
    height: int = 340
    choice: str = "Show"

    def html(self) -> str:
        """The frame that the page's script draws into."""
        head = text("h3", self.title, id=f"{self.id}-title")
        if len(self.views) > 1:
            options = "".join(
                text("option", view.label, value=str(i)) for i, view in enumerate(self.views)
            )
            chooser = tag("select", options, data_figure=self.id)
            head += tag("label", tag("span", escape(self.choice)) + chooser, class_="choice")
        chart = tag(
            "div",
            class_="chart",
            id=self.id,
            role="img",
            aria_labelledby=f"{self.id}-title",
            aria_describedby=f"{self.id}-caption",
            style=f"height:{self.height}px",
        )
        caption = text("figcaption", self.caption, id=f"{self.id}-caption")
        return tag("figure", tag("div", head, class_="figure-head") + chart + caption)

    def to_json(self) -> dict[str, Any]:
        """The specification for the page's script."""
        return {
            "id": self.id,
            "views": [
                {"data": list(view.traces), "layout": _merge(_LAYOUT, view.layout)}
                for view in self.views
            ],
        }


def colour(name: str) -> str:
    """A colour of the page's theme, resolved when the figure is drawn."""
    return f"var(--{name})"


_LAYOUT: dict[str, Any] = {
    "paper_bgcolor": colour("card"),
    "modebar": {
        "bgcolor": "rgba(0,0,0,0)",
        "color": colour("faint"),
        "activecolor": colour("ink"),
    },
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"family": _FONT, "size": 12.5, "color": colour("soft")},
    "margin": {"l": 8, "r": 30, "t": 8, "b": 8},
    "hoverlabel": {
        "bgcolor": colour("card"),
        "bordercolor": colour("line"),
        "font": {"family": _FONT, "size": 12.5, "color": colour("ink")},
        "namelength": -1,
    },
    "legend": {
        "orientation": "h",
        "x": 0,
        "y": 1.02,
        "xanchor": "left",
        "yanchor": "bottom",
        "traceorder": "normal",
    },
    "xaxis": {
        "automargin": True,
        "gridcolor": colour("grid"),
        "linecolor": colour("line"),
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": colour("line"),
    },
    "yaxis": {
        "automargin": True,
        "gridcolor": colour("grid"),
        "zerolinecolor": colour("line"),
        "zerolinewidth": 1,
        "ticklabelstandoff": 6,
    },
    "colorway": [colour(f"series-{k}") for k in range(1, COLOURS + 1)],
    "bargap": 0.12,
}


def era_axis(eras: Sequence[str]) -> dict[str, Any]:
    """The x axis of per-era figures: dates where the labels are dates, else labels in order."""
    if eras and _DATE.match(eras[0]):
        return {"type": "date", "nticks": 7, "showgrid": False}
    return {"type": "category", "nticks": 8, "showgrid": False, "tickangle": 0}


def series(values: Iterable[float | None], digits: int = 5) -> list[float | None]:
    """Numbers short enough for a page; NaN becomes null."""
    return [None if v is None or not math.isfinite(v) else round(v, digits) for v in values]


def label(name: str) -> str:
    """A name as plotly shows it, which reads a little HTML."""
    return escape(name)


def line_styles(candidates: Sequence[Candidate]) -> dict[str, dict[str, Any]]:
    """One line style a candidate, the same in every figure.

    The ensemble is drawn in the ink of the page, references in grey and dashed; models take the
    colours in turn, and dashes once the colours are used up.
    """
    styles: dict[str, dict[str, Any]] = {}
    dashes = ("solid", "dash", "dot", "dashdot")
    models = [c for c in candidates if c.kind == MODEL]
    for k, candidate in enumerate(models):
        styles[candidate.name] = {
            "color": colour(f"series-{k % COLOURS + 1}"),
            "width": 1.8,
            "dash": dashes[k // COLOURS % len(dashes)],
        }
    fixed = {
        ENSEMBLE: {"color": colour("ink"), "width": 3, "dash": "solid"},
        BENCHMARK: {"color": colour("faint"), "width": 2, "dash": "dash"},
        META_MODEL: {"color": colour("faint"), "width": 2, "dash": "dot"},
    }
    for candidate in candidates:
        styles.setdefault(candidate.name, fixed.get(candidate.kind, fixed[BENCHMARK]))
    return styles


def ordered(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Ensembles first, then models, then references; each kind best first as it came."""
    kinds = (ENSEMBLE, MODEL, BENCHMARK, META_MODEL)
    place = {kind: k for k, kind in enumerate(kinds)}
    return sorted(candidates, key=lambda c: place.get(c.kind, len(kinds)))


def _merge(base: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in layer.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged
