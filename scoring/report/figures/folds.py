"""The folds as bars to scale, purge gaps included."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from erazoo.eras import EraAxis
from erazoo.folds import EraFold, FoldPlan
from scoring.report.figures.base import Figure, Numbers, Trace, View, colour, label
from scoring.report.markup import count

_TICKS = 7
Stretch = tuple[str, str, float, float]
Scored = tuple[EraFold, tuple[str, ...]]


def fold_figure(plan: FoldPlan, test: Collection[str] = ()) -> Figure:
    """One bar a fold: training, purged and validation (or held-out) eras.

    Args:
        plan: the folds.
        test: validation eras that nothing is chosen by, drawn apart.
    """
    axis, scored = EraAxis(plan.axis), _validation(plan.folds, held_out=False)
    roles = [
        ("Training", "series-1", False, [(f, f.train) for f in plan.folds]),
        ("Purged", "faint", True, [(f, left_out(axis, plan, f)[0]) for f in plan.folds]),
        ("Embargo", "series-4", False, [(f, left_out(axis, plan, f)[1]) for f in plan.folds]),
        ("Validation", "series-5", False, _without(scored, test)),
        ("Test", "series-2", False, _within(scored, test)),
        ("Held out", "series-3", False, _validation(plan.folds, held_out=True)),
    ]
    traces = [
        _trace(name, tint, stretches, hatched=hatched)
        for name, tint, hatched, members in roles
        if (stretches := [s for fold, eras in members for s in _stretches(axis, fold, eras)])
    ]
    shown = plan.axis[:: max(1, len(plan.axis) // _TICKS)]
    layout = {
        "barmode": "overlay",
        "xaxis": {
            "tickvals": [axis.position(era) for era in shown],
            "ticktext": [label(era) for era in shown],
            "title": {"text": "era"},
            "range": [axis.position(plan.axis[0]), axis.position(plan.axis[-1]) + 1],
        },
        "yaxis": {
            "categoryorder": "array",
            "categoryarray": [label(fold.name) for fold in reversed(plan.folds)],
            "showgrid": False,
        },
        "showlegend": True,
        "hovermode": "closest",
    }
    embargo = any(trace["name"] == "Embargo" for trace in traces)
    gaps = "hatched eras and the embargo are" if embargo else "hatched eras are"
    caption = (
        f"To scale in original eras: purge {plan.purge}, embargo {plan.embargo}. A label of "
        f"{plan.target} reaches {plan.label_eras} eras past its own, so {gaps} left out of "
        "training."
    )
    return Figure(
        "folds-chart",
        "Which eras each fold learns from and is scored on",
        caption,
        [View("", traces, layout)],
        height=120 + 38 * len(plan.folds),
        numbers=_table(axis, plan),
    )


def left_out(
    axis: EraAxis, plan: FoldPlan, fold: EraFold
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The eras left out of a fold's training: by the purge, and by the embargo after it.

    An era is under embargo where it lies after scored eras, further than the purge from every
    one of them and from the held-out ones, and no later scored era is within the purge.
    """
    scored = sorted(axis.position(era) for era in fold.validation)
    held_out = [axis.position(era) for era in plan.held_out.validation] if plan.held_out else []
    purged: list[str] = []
    embargo: list[str] = []
    for era in fold.purged:
        here = axis.position(era)
        near = any(abs(place - here) <= plan.purge for place in (*scored, *held_out))
        (purged if near or not scored or here < scored[0] else embargo).append(era)
    return tuple(purged), tuple(embargo)


def _table(axis: EraAxis, plan: FoldPlan) -> Numbers:
    rows = []
    for fold in plan.folds:
        purged, embargo = left_out(axis, plan, fold)
        parts = (fold.train, purged, embargo, fold.validation)
        rows.append((fold.name, *map(_span, parts)))
    heads = ("Fold", "Training eras", "Purged", "Embargo", "Scored")
    return Numbers(heads, rows)


def _span(eras: Sequence[str]) -> str:
    return f"{count(len(eras))} ({eras[0]} to {eras[-1]})" if eras else "0"


def _validation(folds: Sequence[EraFold], *, held_out: bool) -> list[Scored]:
    return [(f, f.validation) for f in folds if (f.kind == "held_out") == held_out]


def _within(folds: list[Scored], eras: Collection[str]) -> list[Scored]:
    """The scored eras of each fold that are among some."""
    return [(fold, tuple(era for era in scored if era in eras)) for fold, scored in folds]


def _without(folds: list[Scored], eras: Collection[str]) -> list[Scored]:
    """The scored eras of each fold that are not among some."""
    return [(fold, tuple(era for era in scored if era not in eras)) for fold, scored in folds]


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


def _trace(name: str, tint: str, stretches: list[Stretch], *, hatched: bool) -> Trace:
    marker: dict[str, object] = {"color": colour(tint), "line": {"width": 0}}
    if hatched:
        marker["pattern"] = {
            "shape": "/",
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
