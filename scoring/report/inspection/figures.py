"""The pictures of an inspection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoring.report.figures.base import (
    COLOURS,
    Figure,
    Trace,
    View,
    colour,
    era_axis,
    label,
    series,
)
from scoring.report.inspection.results import Column, Inspection
from scoring.report.markup import count, percent, size

SPLITS = {"train": "series-1", "validation": "series-5", "test": "series-3", "unused": "faint"}
RAMP = 9
"""Colours of bins, from the lowest to the highest."""
LEVEL_STYLES = {0.05: ("series-6", 1.2), 0.25: ("series-1", 1.2), 0.5: ("ink", 2.2)}
MEASURES = {
    "missing": "Missing values",
    "centre": "Values with the centre code",
    "empty": "Features without information",
}


def rows_figure(found: Inspection) -> Figure:
    """Rows of every era in the colours of their splits or files."""
    views = [_rows_view(found, "All rows", found.rows)]
    if found.trained is not None:
        views.append(_rows_view(found, "Rows that count in training", found.trained))
    what = "splits" if found.kind == "shards" else "files"
    caption = f"A bar an era, in the colours of the {what}."
    if len(found.parts) > COLOURS:
        caption = f"A bar an era. The {count(len(found.parts))} {what} are too many for colours."
    return Figure("rows-chart", "Rows by era", caption, views, height=300)


def part_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour of the theme for each split or file, one for all where they are too many."""
    if all(name in SPLITS for name in names):
        return {name: SPLITS[name] for name in names}
    if len(names) > COLOURS:
        return dict.fromkeys(names, "series-1")
    turn = [1, 5, 3, 2, 4, 6, 7, 8]
    return {name: f"series-{turn[k]}" for k, name in enumerate(names)}


def target_figure(found: Inspection) -> Figure:
    """The distribution of each target by era; one view a target, the learned one first."""
    views = [
        View(target.name, *(_bins_view if drawn_in_bins(target) else _lines_view)(found, target))
        for target in found.targets
    ]
    words = {
        True: "Shares of an era's rows by value; what is left blank has no value.",
        False: "Lines are quantiles of an era's values.",
    }
    caption = " ".join(words[k] for k in words if k in map(drawn_in_bins, found.targets))
    return Figure(
        "target-chart", "Values of the target by era", caption, views, height=360, choice="Target"
    )


def drawn_in_bins(target: Column) -> bool:
    """Whether a target has so few values that each has a colour."""
    return target.bins is not None and len(target.bins) <= RAMP


def gaps_figure(found: Inspection) -> Figure:
    """Shares by era and group; one view a measure, those that found nothing last."""
    known = [(name, groups) for name, groups in found.gaps.items() if groups]
    known.sort(key=lambda item: not any(any(shares) for shares in item[1].values()))
    views = [_gaps_view(found, MEASURES[name], groups) for name, groups in known]
    rows = max(len(groups) for _, groups in known)
    return Figure(
        "gaps-chart",
        f"Missing values{' and centre codes' if found.quintiles else ''} by era and group",
        "Each cell is the mean over the features of a group in one era.",
        views,
        height=110 + 22 * max(3, rows),
        choice="Share of",
    )


def groups_figure(found: Inspection) -> Figure:
    """Features of every group, the largest at the top."""
    groups = dict(sorted(found.features.groups.items(), key=lambda item: item[1]))
    traces = [_bars(groups, "series-1", "%{y}: %{x} features<extra></extra>", "used")]
    offered = {name: found.features.offered.get(name, n) - n for name, n in groups.items()}
    if any(offered.values()):
        unused = "%{y}: %{x} more features<extra></extra>"
        traces.append(_bars(offered, "line", unused, "in the data, not used"))
    return Figure(
        "groups-chart",
        "Features by set and group",
        "Sets and groups may overlap.",
        [View("", traces, {**_bar_layout([*groups]), "barmode": "stack"})],
        height=80 + 24 * len(groups),
    )


def size_figure(found: Inspection) -> Figure:
    """Bytes on disk by split or file."""
    names = [*found.parts] if len(found.parts) <= _MOST_FILES else []
    sizes = {name: found.parts[name].bytes for name in names}
    if not names:
        held = sum(part.bytes for part in found.parts.values())
        sizes = {f"{len(found.parts)} files": held}
    colours = [part_colours(names)[name] for name in names] or ["series-1"]
    beside = [name for name in found.other_files if name not in sizes]
    sizes |= {name: found.other_files[name] for name in beside}
    colours += ["faint"] * len(beside)
    order = [*sizes][::-1]
    trace = _bars({name: sizes[name] for name in order}, "series-1", _SIZES, "bytes")
    trace["marker"] = {"color": [colour(name) for name in colours[::-1]], "line": {"width": 0}}
    trace["text"] = trace["customdata"] = [size(sizes[name]) for name in order]
    trace |= {"textposition": "outside", "cliponaxis": False}
    layout = _bar_layout(order)
    layout["xaxis"] |= {"showticklabels": False, "showgrid": False, "ticks": ""}
    layout["margin"] = {"r": 80}
    what = "split" if found.kind == "shards" else "file"
    return Figure(
        "size-chart",
        f"Size by {what}",
        "Bytes on disk.",
        [View("", [trace], layout)],
        height=60 + 30 * len(sizes),
    )


_MOST_FILES = 40
_SIZES = "%{y}: %{customdata}<extra></extra>"


def _rows_view(found: Inspection, title: str, rows: Sequence[int]) -> View:
    tints = part_colours([*found.parts])
    many = len(found.parts) > COLOURS
    members: dict[str, list[int]] = {part: [] for part in (["rows"] if many else found.parts)}
    for k, part in enumerate(found.part):
        members["rows" if many else part].append(k)
    traces = [
        {
            "type": "bar",
            "name": label(part),
            "x": [label(found.eras[k]) for k in places],
            "y": [rows[k] for k in places],
            "marker": {"color": colour(tints.get(part, "series-1")), "line": {"width": 0}},
            "hovertemplate": f"era %{{x}}: %{{y}} rows, {label(part)}<extra></extra>",
        }
        for part, places in members.items()
    ]
    layout = {
        "barmode": "stack",
        "bargap": 0,
        "showlegend": len(members) > 1,
        "xaxis": _eras(found.eras),
        "yaxis": {"rangemode": "tozero", "nticks": 5},
    }
    return View(title, traces, layout)


def _bins_view(found: Inspection, target: Column) -> tuple[list[Trace], dict[str, Any]]:
    of = dict(zip(found.eras, found.rows, strict=True))
    rows = [of[era] for era in found.read]
    bins = target.bins or ()
    parts = [
        (f"{value:g}", f"bin-{place}", [era[k] for era in target.counts_by_era])
        for k, (value, place) in enumerate(zip(bins, ramp(len(bins)), strict=True))
    ]
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": [label(era) for era in found.read],
            "y": series(n / whole for n, whole in zip(held, rows, strict=True)),
            "marker": {"color": colour(tint), "line": {"width": 0}},
            "hovertemplate": f"era %{{x}}: %{{y:.1%}} {name}<extra></extra>",
        }
        for name, tint, held in parts
    ]
    layout = {
        "barmode": "stack",
        "bargap": 0,
        "showlegend": True,
        "xaxis": _eras(found.read),
        "yaxis": {"tickformat": ".0%", "range": [0, 1]},
    }
    return traces, layout


def ramp(bins: int) -> list[int]:
    """Places of `bins` colours on the ramp, evenly apart and the same from both ends.

    >>> ramp(5)
    [1, 3, 5, 7, 9]
    """
    if bins == 1:
        return [RAMP // 2 + 1]
    half = [1 + round(k * (RAMP - 1) / (bins - 1)) for k in range(bins // 2)]
    middle = [RAMP // 2 + 1] if bins % 2 else []
    return half + middle + [RAMP + 1 - place for place in reversed(half)]


def _lines_view(found: Inspection, target: Column) -> tuple[list[Trace], dict[str, Any]]:
    if not target.levels:
        return [], {"xaxis": _eras(found.read)}
    traces = []
    for k, level in enumerate(target.levels):
        style = LEVEL_STYLES.get(round(min(level, 1 - level), 6))
        if style is None:
            continue
        tint, width = style
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "median" if level == 0.5 else f"{percent(level)} quantile",
                "x": [label(era) for era in found.read],
                "y": [era[k] if era else None for era in target.quantiles],
                "line": {"color": colour(tint), "width": width},
                "hovertemplate": "%{y:.4~g}",
            }
        )
    layout = {
        "hovermode": "x unified",
        "showlegend": True,
        "xaxis": _eras(found.read),
        "yaxis": {"tickformat": ".3~g"},
    }
    return traces, layout


def _gaps_view(found: Inspection, title: str, groups: Mapping[str, Sequence[float]]) -> View:
    trace: Trace = {
        "type": "heatmap",
        "x": [label(era) for era in found.read],
        "y": [label(group) for group in groups],
        "z": [series(shares, 4) for shares in groups.values()],
        "zmin": 0,
        "zmax": 1,
        "colorscale": [(0, colour("heat-zero")), (1, colour("heat-above"))],
        "ygap": 1,
        "colorbar": {"thickness": 10, "outlinewidth": 0, "nticks": 5, "tickformat": ".0%"},
        "hovertemplate": "%{y}, era %{x}: %{z:.1%}<extra></extra>",
    }
    layout = {
        "xaxis": _eras(found.read),
        "yaxis": {"showgrid": False, "autorange": "reversed", "type": "category", "dtick": 1},
        "hovermode": "closest",
    }
    return View(title, [trace], layout)


def _eras(eras: Sequence[str]) -> dict[str, Any]:
    """The axis of eras, in their order whatever trace names them first."""
    axis = era_axis(eras)
    if axis["type"] == "category":
        axis |= {"categoryorder": "array", "categoryarray": [label(era) for era in eras]}
    return axis


def _bars(values: Mapping[str, int], tint: str, hover: str, name: str) -> Trace:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [label(key) for key in values],
        "x": list(values.values()),
        "marker": {"color": colour(tint), "line": {"width": 0}},
        "hovertemplate": hover,
    }


def _bar_layout(names: Sequence[str]) -> dict[str, Any]:
    return {
        "bargap": 0.25,
        "hovermode": "closest",
        "xaxis": {"rangemode": "tozero", "nticks": 6},
        "yaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": [label(name) for name in names],
            "showgrid": False,
            "dtick": 1,
        },
    }
