"""Matrices in colour: how alike candidates are, and their exposure to groups of features."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scoring.report.figures.base import (
    Figure,
    Numbers,
    Trace,
    View,
    colour,
    label,
    ordered,
    series,
)
from scoring.report.markup import counted, number
from scoring.report.scores import Candidate, Scores

_WRITTEN = 12
_ROW, _MOST = 30, 900
Matrix = Sequence[Sequence[float | None]]


def correlation_figure(scores: Scores) -> Figure:
    """A matrix of correlations between candidates, references included."""
    known = [c.name for c in ordered(scores.candidates) if c.name in scores.names]
    names = known + [name for name in scores.names if name not in known]
    index = [scores.names.index(name) for name in names]
    matrix = [series((scores.correlation[i][j] for j in index), 4) for i in index]
    signed = any(v is not None and v < 0 for row in matrix for v in row)
    trace = _heatmap(names, names, matrix, "%{y} and %{x}: %{z:.3f}", low=-1 if signed else 0)
    return Figure(
        "correlation-chart",
        "Correlation between candidates",
        "Mean over eras of the rank correlation between the predictions of two candidates: "
        "1 is a clone, 0 is unrelated.",
        [View("", [trace], _layout(len(names)))],
        height=_height(names, names),
        numbers=Numbers(
            ("Candidate", *names),
            [(name, *(number(v, 3) for v in row)) for name, row in zip(names, matrix, strict=True)],
        ),
    )


def cluster_figure(names: Sequence[str], matrix: Matrix, groups: Sequence[int]) -> Figure:
    """How alike mined configurations are, with alike ones side by side.

    Args:
        names: in the order of their tree.
        matrix: of correlations in this order, None where undefined.
        groups: the cluster of each.
    """
    rows = [series(row, 4) for row in matrix]
    lowest = min((v for row in rows for v in row if v is not None), default=0.0)
    low = -1 if lowest < 0 else math.floor(10 * min(lowest, 0.9)) / 10
    trace = _heatmap(names, names, rows, "%{y} and %{x}: %{z:.3f}", low=low)
    trace |= {"xgap": 1, "ygap": 1}
    found = len(set(groups))
    caption = (
        "Mean over eras of the rank correlation between predictions, in the order of their "
        f"hierarchical clustering (average linkage): {counted(found, 'cluster')} at a mean "
        "correlation of 0.6. One of each cluster is worth more than several of one."
    )
    return Figure(
        "clusters-chart",
        "Which of the best are alike",
        caption,
        [View("", [trace], _layout(len(names)))],
        height=min(_MOST, 130 + 20 * len(names)),
        numbers=Numbers(
            ("Configuration", "Cluster", *names),
            [
                (name, str(group), *(number(v, 3) for v in row))
                for name, group, row in zip(names, groups, rows, strict=True)
            ],
        ),
    )


def exposure_figure(candidates: Sequence[Candidate]) -> Figure:
    """Mean and largest exposure of each candidate to each group of features."""
    shown = [c for c in ordered(candidates) if c.exposure is not None and c.exposure.groups]
    groups = list(dict.fromkeys(g for c in shown if c.exposure for g in c.exposure.groups))
    names = [c.name for c in shown]
    views, tables = [], []
    for place, title in enumerate(("Mean of its features", "Largest of its features")):
        matrix = [_exposures(c, groups, place) for c in shown]
        top = max((v for row in matrix for v in row if v is not None), default=1.0)
        trace = _heatmap(groups, names, matrix, "%{y}, %{x}: %{z:.4f}", high=top or 1.0, digits=3)
        views.append(View(title, [trace], _layout(max(len(names), len(groups)))))
        tables.append(matrix)
    return Figure(
        "exposure-chart",
        "Exposure by feature group",
        "Absolute correlation of the predictions with the features of a group, mean over eras. "
        "The stronger the colour, the more a candidate leans on the group.",
        views,
        height=_height(names, groups),
        choice="Of a group",
        numbers=Numbers(
            ("Candidate", *groups),
            [
                (c.name, *(f"{number(a, 3)} / {number(b, 3)}" for a, b in zip(*of, strict=True)))
                for c, *of in zip(shown, *tables, strict=True)
            ],
        ),
    )


def _exposures(candidate: Candidate, groups: Sequence[str], place: int) -> list[float | None]:
    held = candidate.exposure.groups if candidate.exposure else {}
    return series((held.get(group, (None, None))[place] for group in groups), 4)


def _heatmap(
    x: Sequence[str],
    y: Sequence[str],
    matrix: Matrix,
    hover: str,
    *,
    low: float = 0,
    high: float = 1,
    digits: int = 2,
) -> Trace:
    trace: Trace = {
        "type": "heatmap",
        "x": [label(name) for name in x],
        "y": [label(name) for name in y],
        "z": list(matrix),
        "zmin": low,
        "zmax": high,
        "colorscale": _scale(signed=low < 0),
        "xgap": 2,
        "ygap": 2,
        "colorbar": {
            "thickness": 10,
            "outlinewidth": 0,
            "nticks": 5,
            "len": 1,
            "lenmode": "fraction",
        },
        "hovertemplate": f"{hover}<extra></extra>",
    }
    if max(len(x), len(y)) <= _WRITTEN:
        trace |= {
            "texttemplate": f"%{{z:.{digits}f}}",
            "textfont": {"size": 11.5, "color": colour("ink")},
        }
    return trace


def _layout(cells: int) -> dict[str, object]:
    tilted = cells > 4
    return {
        "xaxis": {
            "showgrid": False,
            "ticks": "",
            "tickangle": -40 if tilted else 0,
            "type": "category",
            "dtick": 1,
        },
        "yaxis": {
            "showgrid": False,
            "ticks": "",
            "autorange": "reversed",
            "type": "category",
            "dtick": 1,
        },
        "hovermode": "closest",
    }


def _height(rows: Sequence[str], columns: Sequence[str]) -> int:
    """Room for every row and for tilted names below."""
    below = 40 + 5 * max((len(name) for name in columns), default=0)
    return min(_MOST, max(220, below + _ROW * len(rows)))


def _scale(*, signed: bool) -> list[tuple[float, str]]:
    if signed:
        return [(0, colour("heat-below")), (0.5, colour("heat-zero")), (1, colour("heat-above"))]
    return [(0, colour("heat-zero")), (1, colour("heat-above"))]
