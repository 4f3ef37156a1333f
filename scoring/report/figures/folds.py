"""The folds as bars to scale, purge gaps included."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from erazoo.eras import EraAxis
from erazoo.folds import EraFold, FoldPlan
from scoring.report.figures.base import Figure, Trace, View, colour, label

_TICKS = 7
Stretch = tuple[str, str, float, float]


def fold_figure(plan: FoldPlan) -> Figure:
    """One bar a fold: training, purged and validation (or held-out) eras."""
    axis = EraAxis(plan.axis)
    roles = [
        ("Training", "series-1", "", [(f, f.train) for f in plan.folds]),
        ("Purged", "faint", "/", [(f, f.purged) for f in plan.folds]),
        ("Validation", "series-5", "", _validation(plan.folds, held_out=False)),
        ("Held out", "series-3", "", _validation(plan.folds, held_out=True)),
    ]
    traces = [
        _trace(name, tint, pattern, stretches)
        for name, tint, pattern, members in roles
        if (stretches := [s for fold, eras in members for s in _stretches(axis, fold, eras)])
    ]
    shown = plan.axis[:: max(1, len(plan.axis) // _TICKS)]
    layout = {
        "barmode": "overlay",
        "xaxis": {
            "tickvals": [axis.position(era) for era in shown],
            "ticktext": [label(era) for era in shown],
            "range": [axis.position(plan.axis[0]), axis.position(plan.axis[-1]) + 1],
        },
        "yaxis": {
            "categoryorder": "array",
            "categoryarray": [label(fold.name) for fold in reversed(plan.folds)],
            "showgrid": False,
        },
        "hovermode": "closest",
    }
    caption = (
        f"Purge {plan.purge} and embargo {plan.embargo} original eras; a label of {plan.target} "
        f"reaches {plan.label_eras} eras past its own. Hatched eras are left out of training."
    )
    return Figure(
        "folds-chart",
        "Which eras each fold learns from and is scored on",
        caption,
        [View("", traces, layout)],
        height=120 + 38 * len(plan.folds),
    )


def _validation(
    folds: Sequence[EraFold], *, held_out: bool
) -> list[tuple[EraFold, tuple[str, ...]]]:
    return [(f, f.validation) for f in folds if (f.kind == "held_out") == held_out]


def _stretches(axis: EraAxis, fold: EraFold, eras: Sequence[str]) -> list[Stretch]:
    """Stretches of `eras` without a gap on the axis: first, last, left edge, width."""
    if not eras:
        return []
    index = {era: i for i, era in enumerate(axis.eras)}
    places = [*axis.eras]
    cuts = [k + 1 for k, (a, b) in enumerate(pairwise(eras)) if index[b] != index[a] + 1]
    edges = [0, *cuts, len(eras)]
    found = []
    for first, last in pairwise(edges):
        begin, end = eras[first], eras[last - 1]
        after = index[end] + 1
        left = axis.position(begin)
        right = axis.position(places[after]) if after < len(places) else axis.position(end) + 1
        found.append((fold.name, f"{begin} to {end}", float(left), float(right - left)))
    return found


def _trace(name: str, tint: str, pattern: str, stretches: list[Stretch]) -> Trace:
    marker: dict[str, object] = {"color": colour(tint), "line": {"width": 0}}
    if pattern:
        marker["pattern"] = {
            "shape": pattern,
            "fillmode": "replace",
            "fgcolor": colour(tint),
            "bgcolor": colour("card"),
            "size": 6,
            "solidity": 0.35,
        }
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [label(fold) for fold, *_ in stretches],
        "base": [left for *_, left, _ in stretches],
        "x": [width for *_, width in stretches],
        "customdata": [label(eras) for _, eras, *_ in stretches],
        "hovertemplate": f"%{{y}}: {name.lower()} eras %{{customdata}}<extra></extra>",
        "marker": marker,
    }
