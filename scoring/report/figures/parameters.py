"""Each parameter of a search against the score that configurations had with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoring.report.figures.base import Figure, Trace, View, colour, label, series
from scoring.report.studies import Mining

_DECADES = 20.0
"""From this ratio of highest to lowest on, an axis is logarithmic."""


def parameter_figure(found: Mining) -> Figure | None:
    """A view a parameter; None where none varies."""
    values = found.parameters["values"]
    if not values:
        return None
    views = [_view(found, name, column) for name, column in values.items()]
    shown = len(found.parameters["scores"])
    caption = (
        f"Each point is one of {shown} configurations by its {found.metric} in validation; the "
        "star is the benchmark. A parameter matters where the cloud bends or ends; a lone high "
        "point is rather luck. The other parameters vary at the same time."
    )
    return Figure(
        "parameters-chart",
        "Parameters against the score",
        caption,
        views,
        height=380,
        choice="Parameter",
    )


def _view(found: Mining, name: str, column: Sequence[Any]) -> View:
    named = any(isinstance(value, str) for value in column)
    here = [value is not None for value in column]
    known = [value for value in column if value is not None]
    scores, ids = found.parameters["scores"], found.parameters["ids"]
    points: Trace = {
        "type": "scatter",
        "mode": "markers",
        "name": "configurations",
        "x": [label(str(v)) for v in known] if named else known,
        "y": series((s for s, kept in zip(scores, here, strict=True) if kept), 4),
        "text": [label(i) for i, kept in zip(ids, here, strict=True) if kept],
        "marker": {
            "color": colour("series-1"),
            "size": 5 if len(known) > 500 else 8,
            "opacity": 0.45 if len(known) > 500 else 0.7,
        },
        "hovertemplate": f"%{{text}}: {label(name)} %{{x}}, %{{y:.3f}}<extra></extra>",
    }
    layout: dict[str, Any] = {
        "showlegend": True,
        "hovermode": "closest",
        "xaxis": {"title": {"text": label(name)}, "showgrid": not named, **_axis(known, named)},
        "yaxis": {"title": {"text": f"{found.metric} in validation"}},
    }
    star = _star(found, found.parameters["benchmark"].get(name), named)
    return View(name, [points, *star], layout)


def _axis(known: Sequence[Any], named: bool) -> dict[str, Any]:
    if named:
        return {"type": "category"}
    low, high = min(known), max(known)
    if low > 0 and high / low > _DECADES:
        return {"type": "log", "exponentformat": "none"}
    return {"type": "linear"}


def _star(found: Mining, value: Any, named: bool) -> list[Trace]:
    """The benchmark, where it has the parameter and a score."""
    score = found.benchmark[found.figure]
    if value is None or score is None:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "benchmark",
            "x": [label(str(value)) if named else value],
            "y": series([score], 4),
            "marker": {
                "symbol": "star",
                "size": 16,
                "color": colour("series-5"),
                "line": {"width": 1.5, "color": colour("ink")},
            },
            "hovertemplate": "benchmark: %{x}, %{y:.3f}<extra></extra>",
        }
    ]
