"""How alike the candidates are."""

from __future__ import annotations

from scoring.report.figures.base import Figure, Trace, View, colour, label, ordered, series
from scoring.report.results import Scores

_WRITTEN = 12


def correlation_figure(scores: Scores) -> Figure:
    """A matrix of correlations between candidates, references included."""
    known = [c.name for c in ordered(scores.candidates) if c.name in scores.names]
    names = known + [name for name in scores.names if name not in known]
    index = [scores.names.index(name) for name in names]
    matrix = [series(scores.correlation[i][j] for j in index) for i in index]
    signed = any(v is not None and v < 0 for row in matrix for v in row)
    trace: Trace = {
        "type": "heatmap",
        "x": [label(name) for name in names],
        "y": [label(name) for name in names],
        "z": matrix,
        "zmin": -1 if signed else 0,
        "zmax": 1,
        "colorscale": _scale(signed=signed),
        "xgap": 2,
        "ygap": 2,
        "colorbar": {"thickness": 10, "outlinewidth": 0, "nticks": 5},
        "hovertemplate": "%{y} and %{x}: %{z:.3f}<extra></extra>",
    }
    if len(names) <= _WRITTEN:
        trace |= {"texttemplate": "%{z:.2f}", "textfont": {"size": 11.5}}
    layout = {
        "xaxis": {"showgrid": False, "ticks": "", "tickangle": -40, "type": "category"},
        "yaxis": {"showgrid": False, "autorange": "reversed", "type": "category"},
        "hovermode": "closest",
    }
    return Figure(
        "correlation-chart",
        "Correlation between candidates",
        "Mean over eras of the rank correlation between the predictions of two candidates.",
        [View("", [trace], layout)],
        height=min(760, 160 + 44 * len(names)),
    )


def _scale(*, signed: bool) -> list[tuple[float, str]]:
    if signed:
        return [(0, colour("heat-below")), (0.5, colour("heat-zero")), (1, colour("heat-above"))]
    return [(0, colour("heat-zero")), (1, colour("heat-above"))]
