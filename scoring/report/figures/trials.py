"""Trials of a search: how their scores are spread, and what the past said of the future."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from scoring.report.figures.base import Figure, Numbers, Trace, View, colour, label, series
from scoring.report.markup import count, counted, number
from scoring.report.scores import BENCHMARK, OURS, Scores
from scoring.report.trials import Fit, Trial, Trials, fit_line, metric_name

_DRAWN = 4000
"""More points than these are thinned on the chart, never in the figures beside it."""
_BINS = 60
_LISTED = 10


@dataclass(frozen=True)
class Cloud:
    """Points of the scatter: trials or candidates, with what is marked among them."""

    points: tuple[Trial, ...]
    marked: Trial | None
    benchmark: Trial | None
    metric: str
    what: str
    future: str


def trial_cloud(trials: Trials) -> Cloud:
    """The trials that were scored on both sides."""
    return Cloud(
        tuple(t for t in trials.trials if t.validation is not None and t.test is not None),
        trials.chosen,
        trials.benchmark,
        metric_name(trials.metric),
        trials.what,
        "later eras",
    )


def candidate_cloud(scores: Scores, final: Scores) -> Cloud:
    """The candidates of an evaluation whose held-out eras were opened, by Sharpe of CORR."""
    later = {c.name: c.corr.sharpe for c in final.candidates}
    both = [
        (c.kind, Trial(c.name, c.corr.sharpe, later[c.name]))
        for c in scores.candidates
        if c.name in later and math.isfinite(c.corr.sharpe) and math.isfinite(later[c.name])
    ]
    top = scores.headline()
    points = tuple(point for kind, point in both if kind in OURS)
    return Cloud(
        points,
        next((p for p in points if top is not None and p.id == top.name), None),
        next((point for kind, point in both if kind == BENCHMARK), None),
        "Sharpe of CORR",
        "candidate",
        "held-out eras",
    )


def past_future_figure(cloud: Cloud) -> Figure | None:
    """Scores in validation against scores on later data; None without three points."""
    pairs = [(p.validation, p.test) for p in cloud.points]
    known = [(p, f) for p, f in pairs if p is not None and f is not None]
    fit = fit_line(known)
    if fit is None:
        return None
    thinned = _thinned(cloud.points)
    traces = [_points(thinned, cloud.what), _fitted(known, fit)]
    if cloud.marked is not None and cloud.marked.test is not None:
        traces.append(_mark(cloud.marked, "chosen", "diamond", "series-2", 14))
    if cloud.benchmark is not None and cloud.benchmark.test is not None:
        traces.append(_mark(cloud.benchmark, cloud.benchmark.id, "star", "series-5", 17))
    words = f"{counted(len(known), cloud.what)}, correlation {number(fit.correlation, 2)}"
    layout: dict[str, Any] = {
        "showlegend": True,
        "hovermode": "closest",
        "xaxis": {"title": {"text": f"{cloud.metric} in validation"}, "showgrid": True},
        "yaxis": {"title": {"text": f"{cloud.metric} on {cloud.future}"}},
        "annotations": [_corner(words)],
        "margin": {"t": 30},
    }
    thin = f" {count(len(thinned))} of them are drawn." if len(thinned) < len(known) else ""
    caption = (
        f"Each point is a {cloud.what}: what validation promised, and what later data gave. "
        f"{words}: {_reading(fit.correlation, len(known))} The line is the least-squares fit.{thin}"
    )
    return Figure(
        "past-future-chart",
        "The past against the future",
        caption,
        [View("", traces, layout)],
        height=430,
        numbers=_best_table(cloud),
    )


def spread_figure(trials: Trials) -> Figure | None:
    """How the trials' validation scores are spread; None without any."""
    values = [t.validation for t in trials.trials if t.validation is not None]
    if not values:
        return None
    edges, counts = histogram(values)
    centres = [(a + b) / 2 for a, b in pairwise(edges)]
    metric = metric_name(trials.metric)
    bars: Trace = {
        "type": "bar",
        "name": f"{trials.what}s",
        "showlegend": False,
        "x": series(centres, 6),
        "y": counts,
        "width": [round(b - a, 8) for a, b in pairwise(edges)],
        "customdata": [f"{a:.3g} to {b:.3g}" for a, b in pairwise(edges)],
        "marker": {"color": colour("series-1"), "line": {"width": 1, "color": colour("card")}},
        "hovertemplate": f"%{{customdata}}: %{{y}} {trials.what}s<extra></extra>",
    }
    marks = [("chosen", trials.chosen, "series-2"), ("benchmark", trials.benchmark, "ink")]
    drawn = [
        (n, t.validation, c) for n, t, c in marks if t is not None and t.validation is not None
    ]
    layout = {
        "bargap": 0,
        "hovermode": "closest",
        "showlegend": bool(drawn),
        "xaxis": {
            "title": {"text": f"{metric} in validation"},
            "showgrid": False,
            "range": _room([*edges, *(value for _, value, _ in drawn)]),
        },
        "yaxis": {"title": {"text": f"{trials.what}s"}, "rangemode": "tozero", "nticks": 5},
    }
    lines = [_upright(name, value, tint, max(counts)) for name, value, tint in drawn]
    return Figure(
        "spread-chart",
        f"Scores of all {trials.what}s",
        _spread_words(trials, values),
        [View("", [bars, *lines], layout)],
        height=300,
    )


def histogram(values: Sequence[float]) -> tuple[list[float], list[int]]:
    """Edges and counts of equal bins, about as many as the root of the number of values.

    >>> histogram([0.0, 0.1, 0.9, 1.0])
    ([0.0, 0.5, 1.0], [2, 2])
    """
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    bins = max(1, min(_BINS, math.isqrt(len(values))))
    step = (high - low) / bins
    counts = [0] * bins
    for value in values:
        counts[min(int((value - low) / step), bins - 1)] += 1
    return [low + k * step for k in range(bins)] + [high], counts


def _spread_words(trials: Trials, values: Sequence[float]) -> str:
    words = f"Bars count {counted(len(values), trials.what)} by their score in validation."
    chosen = trials.chosen
    if chosen is not None and chosen.validation is not None:
        above = sum(v > chosen.validation for v in values)
        words += f" The chosen {trials.what}, {chosen.id}, has {number(chosen.validation, 3)}; "
        words += f"{counted(above, trials.what)} scored higher."
    if trials.unfinished:
        states = ", ".join(f"{count(n)} {state}" for state, n in trials.unfinished.items())
        words += f" Not shown: {states}."
    return words + f" The best of many {trials.what}s is partly luck: see the deflated Sharpe."


def _thinned(points: Sequence[Trial]) -> Sequence[Trial]:
    return points[:: math.ceil(len(points) / _DRAWN)] if len(points) > _DRAWN else points


def _points(points: Sequence[Trial], what: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{what}s",
        "x": series((p.validation for p in points), 4),
        "y": series((p.test for p in points), 4),
        "text": [label(p.id) for p in points],
        "marker": {
            "color": colour("series-1"),
            "size": 5 if len(points) > 500 else 8,
            "opacity": 0.45 if len(points) > 500 else 0.75,
        },
        "hovertemplate": "%{text}: %{x:.3f}, then %{y:.3f}<extra></extra>",
    }


def _fitted(pairs: Sequence[tuple[float, float]], fit: Fit) -> Trace:
    ends = [min(p for p, _ in pairs), max(p for p, _ in pairs)]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "fit",
        "x": series(ends, 5),
        "y": series((fit.intercept + fit.slope * end for end in ends), 5),
        "line": {"color": colour("soft"), "width": 2, "dash": "dash"},
        "hoverinfo": "skip",
    }


def _mark(point: Trial, name: str, symbol: str, tint: str, size: int) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label(name),
        "x": series([point.validation], 5),
        "y": series([point.test], 5),
        "marker": {
            "symbol": symbol,
            "size": size,
            "color": colour(tint),
            "line": {"width": 1.5, "color": colour("ink")},
        },
        "hovertemplate": f"{label(point.id)}: %{{x:.3f}}, then %{{y:.3f}}<extra></extra>",
    }


def _room(values: Sequence[float]) -> list[float | None]:
    """Both ends of an axis, with a little room beside the outermost values."""
    low, high = min(values), max(values)
    return series((low - 0.03 * (high - low), high + 0.03 * (high - low)), 6)


def _upright(name: str, value: float, tint: str, height: int) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [round(value, 6)] * 2,
        "y": [0, height],
        "line": {
            "color": colour(tint),
            "width": 3,
            "dash": "solid" if name == "chosen" else "dash",
        },
        "hovertemplate": f"{name}: %{{x:.3f}}<extra></extra>",
    }


def _corner(words: str) -> dict[str, Any]:
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "paper"}
    return {
        **place,
        "yanchor": "bottom",
        "showarrow": False,
        "text": label(words),
        "font": {"color": colour("ink"), "size": 13},
    }


def _reading(correlation: float, points: int) -> str:
    """What a correlation says; within 2 standard errors of 0, about 1 / root n, next to nothing."""
    if abs(correlation) < 2 / math.sqrt(points):
        return "no more than so few points can show by chance."
    if correlation < -0.2:
        return "what was better in validation was mostly worse after."
    if correlation < 0.2:
        return "validation said little about what came after."
    if correlation < 0.6:
        return "validation said something about what came after."
    return "what was better in validation was mostly better after."


def _best_table(cloud: Cloud) -> Numbers:
    best = sorted(cloud.points, key=lambda p: -(p.validation or 0.0))[:_LISTED]
    shown = [*best, *([cloud.benchmark] if cloud.benchmark else [])]
    return Numbers(
        (f"Best {cloud.what}s", "In validation", f"On {cloud.future}"),
        [(p.id, number(p.validation, 3), number(p.test, 3)) for p in shown],
    )
