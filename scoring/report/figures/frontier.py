"""What weights can give up of CORR for MMC, and of MMC for distance to the meta model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoring.report.figures.base import Figure, Numbers, Trace, View, colour, series
from scoring.report.markup import number

Points = Sequence[Mapping[str, Any]]
AXES = {"corr": "mean CORR", "correlation": "mean correlation with the meta model"}
KINDS = {"later": "Learned before", "same": "Learned on the same eras"}
_MARKS = {"standard": ("circle", "ink"), "unique": ("diamond", "series-2")}


def frontier_figure(report: Mapping[str, Any]) -> Figure | None:
    """MMC over CORR and over correlation with the meta model; None without a frontier."""
    held = report.get("frontier")
    if held is None:
        return None
    views = [
        View(
            f"{KINDS[kind]}: MMC over {AXES[axis]}", *_view(held[kind], _marks(report, kind), axis)
        )
        for kind in KINDS
        for axis in AXES
    ]
    caption = (
        "Each point is a blend: weights that raise CORR, then more and more MMC, then distance to "
        "the meta model. “Learned before” scores weights on later eras than they were learned "
        "from; the other frontier is scored on the eras that it was learned from, which flatters "
        "it. Marked are the two versions over the same eras."
    )
    return Figure(
        "frontier-chart",
        "The frontier of CORR and MMC",
        caption,
        views,
        height=400,
        numbers=_table(held["later"]),
    )


def _view(
    points: Points, marks: Mapping[str, Mapping[str, float | None]], axis: str
) -> tuple[list[Trace], dict[str, Any]]:
    line: Trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "frontier",
        "x": series((point[axis] for point in points), 5),
        "y": series((point["mmc"] for point in points), 5),
        "text": [_mixture(point) for point in points],
        "line": {"color": colour("series-1"), "width": 1.8},
        "marker": {"color": colour("series-1"), "size": 7},
        "hovertemplate": "%{text}: %{x:.4f}, MMC %{y:.4f}<extra></extra>",
    }
    layout = {
        "showlegend": True,
        "hovermode": "closest",
        "xaxis": {"title": {"text": AXES[axis]}, "showgrid": True},
        "yaxis": {"title": {"text": "mean MMC"}},
    }
    return [line, *(_mark(name, values, axis) for name, values in marks.items())], layout


def _marks(report: Mapping[str, Any], kind: str) -> dict[str, dict[str, float | None]]:
    """Both versions over the eras of a frontier, where they were scored there."""
    meta_model = report["goal"]["meta_model"]
    if kind == "later":
        versions = (report.get("later") or {}).get("versions", {})
    else:
        versions = report["versions"] if report["goal"]["way"] != "weights" else {}
    return {
        name: {
            "corr": figures["corr"]["mean"],
            "mmc": figures["mmc"]["mean"],
            "correlation": figures["correlation"][meta_model],
        }
        for name, figures in versions.items()
    }


def _mark(name: str, values: Mapping[str, float | None], axis: str) -> Trace:
    symbol, tint = _MARKS[name]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": series([values[axis]], 5),
        "y": series([values["mmc"]], 5),
        "marker": {
            "symbol": symbol,
            "size": 14,
            "color": colour(tint),
            "line": {"width": 1.5, "color": colour("ink")},
        },
        "hovertemplate": f"{name}: %{{x:.4f}}, MMC %{{y:.4f}}<extra></extra>",
    }


def _mixture(point: Mapping[str, Any]) -> str:
    """What a point maximises, in whole per cent."""
    names = {"corr": "CORR", "mmc": "MMC", "distance": "distance"}
    parts = [f"{100 * share:.0f} % {names[k]}" for k, share in point["mixture"].items() if share]
    return ", ".join(parts)


def _table(points: Points) -> Numbers:
    heads = ("What is raised", "CORR", "MMC", "Correlation with the meta model")
    rows = [
        (_mixture(p), number(p["corr"]), number(p["mmc"]), number(p["correlation"], 3))
        for p in points
    ]
    return Numbers(heads, rows)
