"""How the values of the target are distributed."""

from __future__ import annotations

from scoring.report.figures.base import Figure, View, colour, label
from scoring.report.scores import Scores


def target_figure(scores: Scores) -> Figure:
    """Share of the scored rows by target value."""
    total = sum(rows for _, rows in scores.distribution)
    trace = {
        "type": "bar",
        "x": [label(value) for value, _ in scores.distribution],
        "y": [round(rows / total, 5) for _, rows in scores.distribution],
        "customdata": [rows for _, rows in scores.distribution],
        "marker": {"color": colour("series-1")},
        "hovertemplate": "%{x}: %{y:.1%}, %{customdata} rows<extra></extra>",
    }
    layout = {
        "xaxis": {"type": "category", "showgrid": False},
        "yaxis": {"tickformat": ".0%", "rangemode": "tozero", "nticks": 5},
        "bargap": 0.35,
    }
    return Figure(
        "target-chart",
        "Values of the target",
        f"Share of the scored rows by value of {scores.target}.",
        [View("", [trace], layout)],
        height=250,
    )
