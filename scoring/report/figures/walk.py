"""A walk through history: what was earned, and the weights that earned it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoring.report.figures.base import Figure, Numbers, Trace, View, colour, label, series
from scoring.report.figures.cumulative import running_sum
from scoring.report.figures.lines import time_layout
from scoring.report.figures.regimes import weight_bands
from scoring.report.markup import number, percent

STYLES: Mapping[str, Mapping[str, Any]] = {
    "walk": {"color": colour("ink"), "width": 3},
    "nested": {"color": colour("series-1"), "width": 1.8},
    "equal": {"color": colour("series-2"), "width": 1.8},
    "static": {"color": colour("faint"), "width": 2, "dash": "dash"},
}


def lived_figure(walk: Mapping[str, Any]) -> Figure:
    """Cumulative CORR of the walk and of what it is compared with."""
    eras, found = walk["eras"], walk["candidates"]
    sums = {name: running_sum(found[name]["per_era"]["corr"]) for name in STYLES}
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": label(name),
            "x": [label(era) for era in eras],
            "y": series(values, 4),
            "line": dict(STYLES[name]),
            "hovertemplate": "%{y:.3f}",
        }
        for name, values in sums.items()
    ]
    rows = [
        (name, number(next((v for v in reversed(values) if v is not None), None), 3))
        for name, values in sums.items()
    ]
    return Figure(
        "walk-chart",
        "Cumulative CORR as it was lived",
        "Sums of per-era CORR over the walked eras; every prediction was made by what was known.",
        [View("", traces, time_layout(eras, title={"text": "sum"}))],
        numbers=Numbers(("Candidate", "Sum"), rows),
    )


def walked_weights_figure(walk: Mapping[str, Any]) -> Figure | None:
    """The weights of each walked era, one band a model; None where the method has none."""
    weights = walk["weights"]
    if any(row is None for row in weights):
        return None
    traces, layout = weight_bands(walk)
    rows = [
        (name, percent(sum(row[k] for row in weights) / len(weights)), percent(weights[-1][k]))
        for k, name in enumerate(walk["members"])
    ]
    return Figure(
        "walk-weights-chart",
        "Weights over time",
        "What the walk gave each model, by the scores that were known at each era.",
        [View("", traces, layout)],
        numbers=Numbers(("Model", "Mean weight", "Last weight"), rows),
    )
