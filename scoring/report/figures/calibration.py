"""Whether predicted probabilities come true."""

from __future__ import annotations

from collections.abc import Sequence

from scoring.report.figures.base import (
    Figure,
    Numbers,
    Trace,
    View,
    colour,
    label,
    line_styles,
    ordered,
)
from scoring.report.markup import count, number
from scoring.report.scores import Candidate

_LEAST, _MOST = 5.0, 18.0
"""Diameters of points, in pixels."""


def calibration_figure(candidates: Sequence[Candidate]) -> Figure | None:
    """Observed shares over predicted probabilities; None without class probabilities."""
    shown = [c for c in ordered(candidates) if c.classification and c.classification.calibration]
    if not shown:
        return None
    styles = line_styles(candidates)
    traces = [_diagonal(), *(_line(c, styles[c.name]["color"]) for c in shown)]
    share = {"tickformat": ".0%", "rangemode": "tozero"}
    layout = {
        "showlegend": True,
        "hovermode": "closest",
        "xaxis": {**share, "title": {"text": "predicted probability"}, "showgrid": True},
        "yaxis": {**share, "title": {"text": "observed share"}},
    }
    rows = [
        (f"{c.name}, {number(p, 3)}", number(o, 3), count(n))
        for c in shown
        if c.classification
        for p, o, n in c.classification.calibration
    ]
    return Figure(
        "calibration-chart",
        "Calibration",
        "Rows in bins of their predicted class probability, all classes together. On the dashed "
        "line a class comes as often as predicted, above it more often, below it less often. "
        "Larger points hold more rows.",
        [View("", traces, layout)],
        height=400,
        numbers=Numbers(("Candidate and prediction", "Observed", "Rows"), rows),
    )


def _line(candidate: Candidate, tint: str) -> Trace:
    points = candidate.classification.calibration if candidate.classification else ()
    most = max((rows for *_, rows in points), default=0) or 1
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "cliponaxis": False,
        "name": label(candidate.name),
        "x": [round(p, 4) for p, *_ in points],
        "y": [round(o, 4) for _, o, _ in points],
        "customdata": [rows for *_, rows in points],
        "line": {"color": tint, "width": 1.8},
        "marker": {
            "color": tint,
            "size": [round(_LEAST + (_MOST - _LEAST) * (n / most) ** 0.5, 1) for *_, n in points],
        },
        "hovertemplate": f"{label(candidate.name)}: predicted %{{x:.1%}}, observed %{{y:.1%}}, "
        "%{customdata} rows<extra></extra>",
    }


def _diagonal() -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "as predicted",
        "x": [0, 1],
        "y": [0, 1],
        "line": {"color": colour("faint"), "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }
