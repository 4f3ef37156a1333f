"""The Sharpe ratio of the newest eras, as it stood at every era."""

from __future__ import annotations

import math

import numpy as np

from scoring.report.figures.base import Figure, Numbers, View, colour
from scoring.report.figures.lines import Values, candidate_lines, time_layout, with_metric
from scoring.report.markup import number
from scoring.report.scores import Scores

WINDOWS = (20, 52, 104)
"""Eras of a window: for weekly eras about five months, one and two years."""


def rolling_figure(scores: Scores) -> Figure | None:
    """One line a candidate and one view a window; None where no window fits."""
    shown = with_metric(scores, "corr")
    windows = [w for w in WINDOWS if w < len(scores.eras)]
    if not windows or not shown:
        return None
    lines = {w: {c.name: rolling_sharpe(c.per_era["corr"], w) for c in shown} for w in windows}
    views = [
        View(
            f"{window} eras",
            candidate_lines(scores, lines[window], "%{y:.2f}", digits=3),
            time_layout(scores.eras, title={"text": "Sharpe"}, zeroline=True)
            | {"shapes": [_zero()]},
        )
        for window in windows
    ]
    middle = windows[min(1, len(windows) - 1)]
    rows = []
    for name, values in lines[middle].items():
        known = [v for v in values if v is not None]
        ends = (known[-1], min(known), max(known)) if known else (None, None, None)
        rows.append((name, *(number(v, 2) for v in ends)))
    return Figure(
        "rolling-chart",
        "Rolling Sharpe of CORR",
        "Mean over standard deviation (ddof 0, not annualised) of the CORR of the newest eras up "
        "to each era, where half of them have a score. Below 0 the window lost in sum.",
        views,
        height=340,
        choice="Window",
        numbers=Numbers(("Candidate", f"Last {middle} eras", "Lowest", "Highest"), rows),
    )


def rolling_sharpe(values: Values, window: int) -> list[float | None]:
    """Mean over std (ddof 0) of the scores in each window of eras.

    None until a window is full, where less than half of it has a score, or where its scores do
    not vary.

    >>> rolling_sharpe([1.0, 3.0, None, 5.0], 2)
    [None, 2.0, None, None]
    """
    table = np.array([math.nan if v is None else v for v in values])
    if len(table) < window:
        return [None] * len(table)
    held = np.lib.stride_tricks.sliding_window_view(table, window)
    known = ~np.isnan(held)
    counts = known.sum(axis=1)
    means = np.nansum(held, axis=1) / np.maximum(counts, 1)
    squares = np.where(known, (held - means[:, None]) ** 2, 0.0).sum(axis=1)
    spread = np.sqrt(squares / np.maximum(counts, 1))
    lowest = np.where(known, held, np.inf).min(axis=1)
    highest = np.where(known, held, -np.inf).max(axis=1)
    enough = (counts >= max(2, window / 2)) & (lowest < highest)
    ratios = [float(m / s) if ok else None for m, s, ok in zip(means, spread, enough, strict=True)]
    return [None] * (window - 1) + ratios


def _zero() -> dict[str, object]:
    line = {"color": colour("line"), "width": 1.5}
    ends = {"x0": 0, "x1": 1, "xref": "paper", "y0": 0, "y1": 0}
    return {"type": "line", "layer": "below", "line": line, **ends}
