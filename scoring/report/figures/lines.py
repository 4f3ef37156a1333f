"""One line a candidate over eras: what the charts of scores over time share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoring.report.figures.base import Trace, era_axis, label, line_styles, ordered, series
from scoring.report.scores import MODEL, Candidate, Scores

DRAWN = 8
"""Models that are drawn at first; the others wait in the legend."""
Values = Sequence[float | None]


def with_metric(scores: Scores, metric: str) -> list[Candidate]:
    """The candidates that have a score by era, in the order of all charts."""
    return [c for c in ordered(scores.candidates) if metric in c.per_era]


def hidden_names(scores: Scores) -> set[str]:
    """The models beyond the best eight, which start hidden."""
    return {c.name for c in scores.of_kind(MODEL)[DRAWN:]}


def candidate_lines(
    scores: Scores, lines: Mapping[str, Values], hover: str, digits: int = 4
) -> list[Trace]:
    """A line a name of `lines`, each in its candidate's style."""
    styles, hidden = line_styles(scores.candidates), hidden_names(scores)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": label(name),
            "legendgroup": label(name),
            "x": [label(era) for era in scores.eras],
            "y": series(values, digits),
            "line": styles[name],
            "visible": "legendonly" if name in hidden else True,
            "hovertemplate": hover,
        }
        for name, values in lines.items()
    ]


def time_layout(eras: Sequence[str], **yaxis: Any) -> dict[str, Any]:
    """The layout of a chart over eras with a legend."""
    return {
        "hovermode": "x unified",
        "showlegend": True,
        "xaxis": era_axis(eras),
        "yaxis": {"tickformat": ".2~f", **yaxis},
    }
