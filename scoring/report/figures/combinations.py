"""Ways to combine members: how far each is from equal weights, and the weights themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoring.report.figures.base import (
    COLOURS,
    Figure,
    Numbers,
    Trace,
    View,
    colour,
    label,
    series,
)
from scoring.report.markup import number, percent

SHOWN = COLOURS - 1
"""Members that have a colour of their own; the others are drawn together."""
OTHERS = "all others"
METRIC = "mean CORR beyond equal weights"


def difference_figure(content: Mapping[str, Any]) -> Figure | None:
    """A point a method with one standard error to each side; None where nothing was judged.

    Args:
        content: of `ensemble/methods.json`.
    """
    methods = content["methods"]
    if len(methods) < 2:
        return None
    order = sorted(methods, key=lambda name: methods[name]["difference"]["mean"] or 0.0)
    found = [methods[name]["difference"] for name in order]
    used = content.get("method")
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "y": [label(name) for name in order],
        "x": series((one["mean"] for one in found), 5),
        "error_x": {
            "type": "data",
            "array": series((one["standard_error"] for one in found), 5),
            "color": colour("faint"),
            "thickness": 1.5,
            "width": 4,
        },
        "marker": {
            "opacity": 1,
            "size": [13 if name == used else 10 for name in order],
            "symbol": ["diamond" if name == used else "circle" for name in order],
            "color": [colour("ink" if name == used else "series-1") for name in order],
        },
        "hovertemplate": f"%{{y}}: %{{x:.4f}} {METRIC}<extra></extra>",
    }
    layout = {
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": {
            "zeroline": True,
            "zerolinecolor": colour("line"),
            "tickformat": ".4~f",
            "title": {"text": METRIC},
        },
        "yaxis": {"categoryorder": "array", "categoryarray": [label(name) for name in order]},
    }
    caption = (
        "Scored on later eras than each learned from. Whiskers are one standard error of the "
        "paired difference, which allows for overlapping labels; the diamond is what is used. "
        "The best of many ways is partly lucky."
    )
    return Figure(
        "methods-chart",
        "Ways to combine the members, to equal weights",
        caption,
        [View(METRIC, [trace], layout)],
        height=110 + 30 * len(order),
    )


def weights_figure(content: Mapping[str, Any]) -> Figure | None:
    """Weights block by block, one view a method; None where no method has fixed weights.

    Args:
        content: of `ensemble/methods.json`.
    """
    held = {n: one["weights"] for n, one in content["methods"].items() if one["weights"]}
    if not held:
        return None
    used = content.get("method")
    order = sorted(held, key=lambda name: name != used)
    views = [_view(content, name, held[name]) for name in order]
    final = content.get("final")
    caption = (
        "Each bar holds the weights that a block of eras was blended with, learned from the eras "
        "before it. Bars that differ much show weights that follow luck."
    )
    return Figure(
        "weights-chart",
        "Weights over time",
        caption,
        views,
        choice="Method",
        numbers=None if final is None else _numbers(content["members"], final),
    )


def _view(content: Mapping[str, Any], name: str, table: Sequence[Sequence[float]]) -> View:
    blocks = [label(f"up to {block['learned'][1]}") for block in content["blocks"]]
    rows = [list(row) for row in table]
    if name == content.get("method") and content.get("final"):
        blocks, rows = [*blocks, label("recipe")], [*rows, content["final"]]
    members = content["members"]
    mean = [sum(row[j] for row in rows) / len(rows) for j in range(len(members))]
    heaviest = sorted(range(len(members)), key=lambda j: -mean[j])[:SHOWN]
    shown = [j for j in heaviest if mean[j] > 0]
    traces = [
        _bars(members[j], blocks, [row[j] for row in rows], f"series-{place + 1}")
        for place, j in enumerate(shown)
    ]
    rest = [1 - sum(row[j] for j in shown) for row in rows]
    if max(rest) > 1e-6:
        traces.append(_bars(OTHERS, blocks, rest, "faint"))
    layout = {
        "barmode": "stack",
        "showlegend": True,
        "hovermode": "closest",
        "xaxis": {"type": "category", "title": {"text": "learned from eras"}},
        "yaxis": {"range": [0, 1], "tickformat": ".0%", "title": {"text": "weight"}},
    }
    return View(name, traces, layout)


def _bars(name: str, blocks: Sequence[str], values: Sequence[float], tint: str) -> Trace:
    return {
        "type": "bar",
        "name": label(name),
        "x": list(blocks),
        "y": series(values, 4),
        "marker": {"color": colour(tint)},
        "hovertemplate": f"{label(name)}: %{{y:.3f}}<extra></extra>",
    }


def _numbers(members: Sequence[str], final: Sequence[float]) -> Numbers:
    order = sorted(zip(final, members, strict=True), key=lambda item: -item[0])
    rows = [(name, percent(weight), number(weight)) for weight, name in order if weight > 0]
    return Numbers(("Member", "Share", "Weight in the recipe"), rows)
