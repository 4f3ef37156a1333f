"""Rows of every era, with and without a target."""

from __future__ import annotations

from scoring.report.figures.base import Figure, View, colour, era_axis, label
from scoring.report.results import DataFacts


def rows_figure(data: DataFacts, target: str) -> Figure:
    """Stacked rows by era: resolved, and still without a value of `target`."""
    dated = [entry for entry in data.eras if entry[1] != "live"]
    eras = [label(era) for era, *_ in dated]
    resolved = [int(known.get(target, 0)) for *_, known in dated]
    waiting = [rows - known for (_, _, rows, _), known in zip(dated, resolved, strict=True)]
    parts = [("with a target", "series-1", resolved), ("without", "series-5", waiting)]
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": eras,
            "y": values,
            "marker": {"color": colour(tint), "line": {"width": 0}},
            "hovertemplate": f"era %{{x}}: %{{y}} rows {name}<extra></extra>",
        }
        for name, tint, values in parts
        if any(values)
    ]
    layout = {
        "barmode": "stack",
        "bargap": 0,
        "showlegend": True,
        "xaxis": era_axis(eras),
        "yaxis": {"rangemode": "tozero", "nticks": 5},
    }
    caption = f"Rows by era, with and without a value of {target or 'the target'}."
    if any(waiting):
        caption += " The newest eras wait for theirs."
    return Figure("rows-chart", "Rows by era", caption, [View("", traces, layout)], height=250)
