"""What all figures share: the record, theme colours, axes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from scoring.report.markup import scrolling_table, tag, text
from scoring.report.scores import (
    BENCHMARK,
    ENSEMBLE,
    FILE,
    KINDS,
    META_MODEL,
    MODEL,
    Candidate,
)

Trace = dict[str, Any]
COLOURS = 8
FORMATS = ("png", "svg")
"""That a figure can be saved in."""
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class View:
    """One state of a figure: plotly traces, and what differs from the common layout."""

    label: str
    traces: Sequence[Trace]
    layout: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Numbers:
    """A chart's numbers as a table: the text alternative of a small chart.

    Args:
        heads: of the columns; the first names the rows.
        rows: finished texts.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def html(self, title: str) -> str:
        """The table, folded away behind a summary."""
        head = "".join(
            text("th", name, scope="col", class_="number" if k else None)
            for k, name in enumerate(self.heads)
        )
        body = "".join(
            tag("tr", text("th", row[0], scope="row") + _numbers(row[1:])) for row in self.rows
        )
        summary = tag("summary", "The numbers" + text("span", f" of: {title}", class_="unseen"))
        return tag("details", summary + scrolling_table(tag("tr", head), body, title))


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
        numbers: the same as a table.
    """

    id: str
    title: str
    caption: str
    views: Sequence[View]
    height: int = 340
    choice: str = "Show"
    numbers: Numbers | None = None

    def html(self) -> str:
        """The frame that the page's script draws into."""
        head = text("h3", self.title, id=f"{self.id}-title")
        head += tag("div", self._chooser() + self._savers(), class_="controls")
        legend = tag("div", class_="legend", id=f"{self.id}-legend")
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
        numbers = self.numbers.html(self.title) if self.numbers and self.numbers.rows else ""
        head = tag("div", head, class_="figure-head")
        return tag("figure", head + legend + chart + caption + numbers)

    def _chooser(self) -> str:
        if len(self.views) < 2:
            return ""
        options = "".join(
            text("option", view.label, value=str(i)) for i, view in enumerate(self.views)
        )
        select = tag("select", options, data_figure=self.id)
        return tag("label", tag("span", escape(self.choice)) + select, class_="choice")

    def _savers(self) -> str:
        return "".join(
            text(
                "button",
                kind.upper(),
                type="button",
                class_="save",
                data_save=self.id,
                data_format=kind,
                title=f"Save as {kind.upper()}",
                aria_label=f"Save the chart “{self.title}” as {kind.upper()}",
            )
            for kind in FORMATS
        )

    def to_json(self) -> dict[str, Any]:
        """The specification for the page's script."""
        return {
            "id": self.id,
            "title": label(self.title),
            "height": self.height,
            "views": [
                {
                    "label": label(view.label),
                    "data": list(view.traces),
                    "layout": _merge(_LAYOUT, view.layout),
                }
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
        "title": {"font": {"size": 12.5}, "standoff": 10},
    },
    "yaxis": {
        "automargin": True,
        "gridcolor": colour("grid"),
        "zerolinecolor": colour("line"),
        "zerolinewidth": 1,
        "ticklabelstandoff": 6,
        "title": {"font": {"size": 12.5}, "standoff": 12},
    },
    "colorway": [colour(f"series-{k}") for k in range(1, COLOURS + 1)],
    "bargap": 0.12,
}


def era_axis(eras: Sequence[str]) -> dict[str, Any]:
    """The x axis of per-era figures: dates where the labels are dates, else labels in order."""
    if eras and _DATE.match(eras[0]):
        return {"type": "date", "nticks": 7, "showgrid": False}
    return {"type": "category", "nticks": 8, "showgrid": False, "tickangle": 0}


def era_place(eras: Sequence[str], position: int) -> str | int:
    """Where the era at a position stands on `era_axis`, as shapes name it.

    Numbers in order are names there, and a name that looks like a number would be read as one.
    """
    return eras[position] if era_axis(eras)["type"] == "date" else position


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
    models = [c for c in candidates if c.kind in (MODEL, FILE)]
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
    place = {kind: k for k, kind in enumerate(KINDS)}
    return sorted(candidates, key=lambda c: place.get(c.kind, len(place)))


def _numbers(cells: Sequence[str]) -> str:
    return "".join(text("td", cell, class_="number") for cell in cells)


def _merge(base: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in layer.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged
