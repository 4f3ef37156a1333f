"""The score of every era, one candidate at a time."""

from __future__ import annotations

from collections.abc import Sequence

from scoring.report.figures.base import (
    Figure,
    Numbers,
    Trace,
    View,
    colour,
    era_axis,
    label,
    ordered,
    series,
)
from scoring.report.markup import DASH, count, number, percent
from scoring.report.scores import Candidate, Scores

WINDOW = 20


def era_figure(scores: Scores) -> Figure:
    """Bars of per-era CORR with a trailing mean; one view a candidate, ensembles first."""
    shown = [c for c in ordered(scores.candidates) if "corr" in c.per_era]
    rows = []
    for c in shown:
        worst = DASH if c.corr.worst_era is None else scores.eras[c.corr.worst_era]
        hits, last = percent(c.corr.hit_rate), number(c.corr.last)
        rows.append((c.name, hits, number(c.corr.worst), worst, last, count(c.corr.last_eras)))
    return Figure(
        "era-chart",
        "CORR of every era",
        f"A bar an era, orange below 0; the line is the mean of the newest {WINDOW} eras up to it, "
        "where half of them have a score.",
        [_view(scores.eras, c) for c in shown],
        height=320,
        choice="Candidate",
        numbers=Numbers(
            ("Candidate", "Eras above 0", "Worst", "In era", "Newest eras", "How many"), rows
        ),
    )


def trailing_mean(values: Sequence[float | None], window: int = WINDOW) -> list[float | None]:
    """The mean of the present values among the last `window`.

    None until a window is full, and where less than half of it is present.
    """
    means: list[float | None] = []
    for last in range(1, len(values) + 1):
        present = [v for v in values[max(0, last - window) : last] if v is not None]
        enough = last >= window and 2 * len(present) >= window
        means.append(sum(present) / len(present) if enough else None)
    return means


def _view(eras: Sequence[str], candidate: Candidate) -> View:
    values = candidate.per_era["corr"]
    places = [label(era) for era in eras]
    bars: Trace = {
        "type": "bar",
        "x": places,
        "y": series(values),
        "marker": {
            "color": [
                colour("series-2" if v is not None and v < 0 else "series-1") for v in values
            ],
            "line": {"width": 0},
        },
        "hovertemplate": "era %{x}: %{y:.4f}<extra></extra>",
    }
    traces = [bars]
    if len(values) >= WINDOW:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": places,
                "y": series(trailing_mean(values)),
                "line": {"color": colour("ink"), "width": 2},
                "hovertemplate": f"mean of {WINDOW} eras: %{{y:.4f}}<extra></extra>",
            }
        )
    layout = {
        "showlegend": False,
        "bargap": 0.15,
        "xaxis": era_axis(eras),
        "yaxis": {"tickformat": ".2~f", "title": {"text": "CORR"}},
    }
    return View(candidate.name, traces, layout)
