"""Cumulative scores over eras."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from scoring.report.figures.base import (
    Figure,
    Trace,
    View,
    era_axis,
    label,
    line_styles,
    ordered,
    series,
)
from scoring.report.figures.means import METRIC_NAMES
from scoring.report.results import MODEL, Candidate, Scores

_DRAWN_MODELS = 8


def cumulative_figure(scores: Scores) -> Figure:
    """One line a candidate, one view a metric; more than eight models start hidden."""
    models = [c.name for c in scores.of_kind(MODEL)]
    hidden = set(models[_DRAWN_MODELS:])
    views = []
    for metric, title in METRIC_NAMES.items():
        shown = [c for c in ordered(scores.candidates) if metric in c.per_era]
        if shown:
            traces = _traces(scores, shown, metric, hidden)
            views.append(View(title, traces, _layout(scores.eras)))
    return Figure(
        "cumulative-chart",
        "Cumulative score",
        "Sums of the per-era scores. An era without a score leaves the sum where it was. "
        "Click a name to hide or show its line.",
        views,
        height=420,
        choice="Score",
    )


def running_sum(values: Sequence[float | None]) -> list[float | None]:
    """Cumulative sums; None before the first score, and no step where one is missing."""
    begun = next((k for k, v in enumerate(values) if v is not None), len(values))
    return [None] * begun + list(accumulate(v or 0.0 for v in values[begun:]))


def _traces(
    scores: Scores, shown: Sequence[Candidate], metric: str, hidden: set[str]
) -> list[Trace]:
    styles = line_styles(scores.candidates)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": label(c.name),
            "x": [label(era) for era in scores.eras],
            "y": series(running_sum(c.per_era[metric])),
            "line": styles[c.name],
            "visible": "legendonly" if c.name in hidden else True,
            "hovertemplate": "%{y:.3f}",
        }
        for c in shown
    ]


def _layout(eras: Sequence[str]) -> dict[str, object]:
    return {
        "hovermode": "x unified",
        "showlegend": True,
        "xaxis": era_axis(eras),
        "yaxis": {"tickformat": ".2~f"},
    }
