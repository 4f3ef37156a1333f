"""Scores over time, and how alike the candidates are."""

from __future__ import annotations

from scoring.report.figures.cumulative import cumulative_figure
from scoring.report.figures.heatmap import correlation_figure
from scoring.report.figures.per_era import era_figure
from scoring.report.results import RunResults
from scoring.report.sections.base import Section, absent


def time_section(results: RunResults) -> Section:
    """Cumulative and per-era scores."""
    title = "Scores over time"
    if results.scores is None or not results.scores.candidates:
        return Section("time", title, absent("Nothing has been scored yet.", "evaluate"))
    return Section(
        "time", title, "", [cumulative_figure(results.scores), era_figure(results.scores)]
    )


def likeness_section(results: RunResults) -> Section:
    """The correlation matrix."""
    title = "Likeness"
    if results.scores is None or not results.scores.names:
        return Section("likeness", title, absent("No correlations are recorded.", "evaluate"))
    return Section("likeness", title, "", [correlation_figure(results.scores)])
