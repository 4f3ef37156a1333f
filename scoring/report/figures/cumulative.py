"""Cumulative scores over eras, and how far each lies below its peak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from scoring.report.figures.base import Figure, Numbers, Trace, View, colour, era_place
from scoring.report.figures.lines import (
    Values,
    candidate_lines,
    time_layout,
    with_metric,
)
from scoring.report.markup import DASH, count, listing, number
from scoring.report.scores import METRICS, Candidate, Scores

_PEAKED = "rgba(127,127,127,0.13)"


def cumulative_figure(scores: Scores) -> Figure:
    """Sums above and falls below their peaks beneath; one view a metric."""
    views = [
        View(title, *_view(scores, metric, shown))
        for metric, title in METRICS.items()
        if (shown := with_metric(scores, metric))
    ]
    top = scores.headline()
    caption = (
        "Above: sums of the per-era scores; an era without a score leaves the sum where it was. "
        "Below: how far each sum lies under its highest value so far."
    )
    shaded = [view.label for view in views if view.layout["shapes"]]
    if top is not None and shaded:
        where = "" if len(shaded) == len(views) else f" ({listing(shaded)})"
        caption += f" The shade is the deepest drawdown of {top.name}{where}, peak to recovery."
    return Figure(
        "cumulative-chart",
        "Cumulative score and drawdown",
        caption,
        views,
        height=520,
        choice="Score",
        numbers=_table(scores),
    )


def running_sum(values: Values) -> list[float | None]:
    """Cumulative sums; None before the first score, and no step where one is missing."""
    begun = next((k for k, v in enumerate(values) if v is not None), len(values))
    return [None] * begun + list(accumulate(v or 0.0 for v in values[begun:]))


def below_peak(sums: Values) -> list[float | None]:
    """How far each sum lies below the highest before it, 0 or negative.

    >>> below_peak([None, 2.0, 1.5, 3.0])
    [None, 0.0, -0.5, 0.0]
    """
    known = [v for v in sums if v is not None]
    falls = [v - peak for v, peak in zip(known, accumulate(known, max), strict=True)]
    return [None] * (len(sums) - len(falls)) + falls


def _view(
    scores: Scores, metric: str, shown: Sequence[Candidate]
) -> tuple[list[Trace], Mapping[str, Any]]:
    sums = {c.name: running_sum(c.per_era[metric]) for c in shown}
    falls = {name: below_peak(values) for name, values in sums.items()}
    traces = candidate_lines(scores, sums, "%{y:.3f}")
    under = [
        {**trace, "yaxis": "y2", "showlegend": False, "hovertemplate": "%{y:.3f} below its peak"}
        for trace in candidate_lines(scores, falls, "")
    ]
    top = scores.headline()
    for trace, name in zip(under, falls, strict=True):
        trace["line"] = {**trace["line"], "width": 1.2}
        if top is not None and name == top.name:
            trace |= {"fill": "tozeroy", "fillcolor": colour("shade")}
    layout = time_layout(scores.eras, domain=[0.34, 1], title={"text": "sum"})
    layout["xaxis"] = {**layout["xaxis"], "anchor": "y2"}
    layout["yaxis2"] = {
        "domain": [0, 0.26],
        "automargin": True,
        "gridcolor": colour("grid"),
        "zerolinecolor": colour("line"),
        "nticks": 4,
        "tickformat": ".2~f",
        "ticklabelstandoff": 6,
        "title": {"text": "below peak", "font": {"size": 12.5}, "standoff": 12},
    }
    layout["shapes"] = _deepest(scores, top, metric)
    return [*traces, *under], layout


def _deepest(scores: Scores, top: Candidate | None, metric: str) -> list[dict[str, Any]]:
    """The deepest drawdown of the headline as a shaded stretch of eras."""
    summary = top.summaries.get(metric) if top is not None else None
    if summary is None or summary.drawdown_start is None or not summary.drawdown > 0:
        return []
    last = min(summary.drawdown_start + summary.drawdown_eras, len(scores.eras) - 1)
    ends = (era_place(scores.eras, k) for k in (summary.drawdown_start, last))
    stretch = dict(zip(("x0", "x1"), ends, strict=True))
    place = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    return [{**place, **stretch, "fillcolor": _PEAKED, "line": {"width": 0}}]


def _table(scores: Scores) -> Numbers:
    rows = []
    for c in with_metric(scores, "corr"):
        start = c.corr.drawdown_start
        total = sum(v for v in c.per_era["corr"] if v is not None)
        since = DASH if start is None else scores.eras[start]
        eras = count(c.corr.drawdown_eras)
        rows.append((c.name, number(total, 3), number(c.corr.drawdown), since, eras))
    heads = ("Candidate", "Sum of CORR", "Deepest drawdown", "From era", "Eras until recovery")
    return Numbers(heads, rows)
