"""Regimes and weights of the meta-learner, era by era."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from scoring.report.figures.base import (
    COLOURS,
    Figure,
    Numbers,
    Trace,
    View,
    colour,
    era_axis,
    label,
    series,
)
from scoring.report.markup import percent

_TICKS = 7
_FOUND, _PLANTED = "found", "planted"


def regime_figure(regimes: Mapping[str, Any]) -> Figure:
    """A strip of eras coloured by regime, and below it the planted ones of generated data."""
    eras, true = regimes["eras"], regimes["true"]
    rows = {_FOUND: regimes["assigned"]} | ({} if true is None else {_PLANTED: true})
    traces = [
        _strip(row, number, eras, values)
        for row, values in rows.items()
        for number in sorted(set(values))
    ]
    step = max(1, len(eras) // _TICKS)
    layout = {
        "barmode": "overlay",
        "xaxis": {
            "tickvals": list(range(0, len(eras), step)),
            "ticktext": [label(era) for era in eras[::step]],
            "title": {"text": "era"},
            "range": [0, len(eras)],
            "showgrid": False,
        },
        "yaxis": {"categoryorder": "array", "categoryarray": [*rows][::-1], "showgrid": False},
        "showlegend": False,
        "hovermode": "closest",
    }
    caption = "Each era's regime, by the prototype that its embedding is nearest to."
    if true is not None:
        caption += (
            f" The data are generated: {percent(regimes['purity'])} of the eras belong to the "
            "planted regime that is commonest in theirs. Colours of the two strips do not answer "
            "each other."
        )
    return Figure(
        "regimes-chart",
        "Regimes by era",
        caption,
        [View("", traces, layout)],
        height=110 + 40 * len(rows),
        numbers=Numbers(("Eras", "Regime"), _spans(eras, regimes["assigned"])),
    )


def weights_figure(walk: Mapping[str, Any]) -> Figure:
    """The meta-learner's weights in each judged era, one band a member."""
    traces, layout = weight_bands(walk)
    rows = [
        (member, *(percent(_mean(walk[kind], place)) for kind in ("weights", "static")))
        for place, member in enumerate(walk["members"])
    ]
    return Figure(
        "meta-weights-chart",
        "Weights by era",
        "What the meta-learner gave each member in eras later than it had learned from.",
        [View("", traces, layout)],
        numbers=Numbers(("Member", "Mean weight", "Mean static weight"), rows),
    )


def weight_bands(walk: Mapping[str, Any]) -> tuple[list[Trace], dict[str, Any]]:
    """Traces and layout of the weights of each era, stacked, one band a member."""
    eras = walk["eras"]
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "lines",
            "stackgroup": "weights",
            "name": label(member),
            "x": eras,
            "y": series((row[place] for row in walk["weights"]), 4),
            "line": {"width": 1.5, "color": colour(f"series-{place % COLOURS + 1}")},
            "hovertemplate": f"{label(member)}: %{{y:.2f}}<extra></extra>",
        }
        for place, member in enumerate(walk["members"])
    ]
    layout = {
        "xaxis": {**era_axis(eras), "title": {"text": "era"}},
        "yaxis": {"title": {"text": "weight"}, "range": [0, 1]},
        "showlegend": True,
        "hovermode": "x",
    }
    return traces, layout


def _mean(rows: Sequence[Sequence[float]], place: int) -> float:
    return sum(row[place] for row in rows) / len(rows)


def _strip(row: str, number: int, eras: Sequence[str], values: Sequence[int]) -> Trace:
    stretches = [(first, last) for first, last, value in _runs(values) if value == number]
    name = f"regime {number}"
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [row] * len(stretches),
        "base": [first for first, _ in stretches],
        "x": [last - first for first, last in stretches],
        "customdata": [label(f"{eras[first]} to {eras[last - 1]}") for first, last in stretches],
        "hovertemplate": f"%{{y}} {name}: eras %{{customdata}}<extra></extra>",
        "marker": {"color": colour(f"series-{number % COLOURS + 1}"), "line": {"width": 0}},
    }


def _runs(values: Sequence[int]) -> list[tuple[int, int, int]]:
    """First place, one past the last and value of each run of equal values."""
    found, place = [], 0
    for value, run in groupby(values):
        length = len(list(run))
        found.append((place, place + length, value))
        place += length
    return found


def _spans(eras: Sequence[str], values: Sequence[int]) -> list[tuple[str, str]]:
    return [(f"{eras[a]} to {eras[b - 1]}", str(value)) for a, b, value in _runs(values)]
