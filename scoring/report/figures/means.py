"""Mean scores with their uncertainty, beside the best that the data allow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from scoring.report.figures.base import (
    Figure,
    View,
    colour,
    label,
    line_styles,
    ordered,
    series,
)
from scoring.report.scores import ENSEMBLE, METRICS, Candidate, Scores
from scoring.summary import Summary


def mean_figure(scores: Scores) -> Figure:
    """A point a candidate with the 95 % interval of its mean; one view a metric."""
    views = [
        _view(scores, metric, [c for c in ordered(scores.candidates) if metric in c.summaries])
        for metric in METRICS
        if any(metric in c.summaries for c in scores.candidates)
    ]
    caption = (
        "Points are means over eras; whiskers are 95 % block-bootstrap intervals. Candidates whose "
        "whiskers overlap widely may differ by luck alone."
    )
    if scores.achievable is not None:
        caption += " The dashed line is the best CORR that these data allow."
    return Figure(
        "mean-chart",
        "Mean score of every candidate",
        caption,
        views,
        height=110 + 30 * len(scores.candidates),
        choice="Score",
    )


def _view(scores: Scores, metric: str, shown: Sequence[Candidate]) -> View:
    styles = line_styles(scores.candidates)
    reach = [_reach(c.summaries[metric]) for c in shown]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "y": [label(c.name) for c in shown],
        "x": series(c.summaries[metric].mean for c in shown),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high for _, high in reach],
            "arrayminus": [low for low, _ in reach],
            "color": colour("faint"),
            "thickness": 1.5,
            "width": 4,
        },
        "marker": {
            "opacity": 1,
            "size": [13 if c.kind == ENSEMBLE else 10 for c in shown],
            "symbol": ["diamond" if c.kind == ENSEMBLE else "circle" for c in shown],
            "color": [styles[c.name]["color"] for c in shown],
        },
        "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
    }
    layout: dict[str, Any] = {
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": {
            "zeroline": True,
            "rangemode": "tozero",
            "zerolinecolor": colour("line"),
            "tickformat": ".3~f",
            "title": {"text": METRICS[metric]},
        },
        "yaxis": {
            "categoryorder": "array",
            "categoryarray": [label(c.name) for c in reversed(shown)],
        },
    }
    if metric == "corr" and scores.achievable is not None:
        layout |= _best_line(scores.achievable)
    return View(METRICS[metric], [trace], layout)


def _reach(summary: Summary) -> tuple[float | None, float | None]:
    """How far the interval of the mean reaches down and up: the bootstrap's, else 2 errors."""
    low, high = summary.low - summary.mean, summary.high - summary.mean
    if math.isnan(low) or math.isnan(high):
        low, high = -2 * summary.standard_error, 2 * summary.standard_error
    down, up = series([-low, high])
    return down, up


def _best_line(value: float) -> dict[str, Any]:
    line = {"color": colour("series-2"), "width": 1.5, "dash": "dash"}
    place = {"x": value, "xref": "x", "yref": "paper"}
    return {
        "shapes": [
            {"type": "line", "x0": value, "x1": value, "y0": 0, "y1": 1, "yref": "paper"}
            | {"line": line}
        ],
        "annotations": [
            {
                **place,
                "y": 1,
                "yanchor": "bottom",
                "xanchor": "right",
                "showarrow": False,
                "text": f"achievable {value:.3f}",
                "font": {"color": colour("series-2")},
            }
        ],
        "margin": {"t": 26},
    }
