"""Scores over time; likeness and exposure; calibration."""

from __future__ import annotations

from scoring.report.figures.base import Figure
from scoring.report.figures.calibration import calibration_figure
from scoring.report.figures.cumulative import cumulative_figure
from scoring.report.figures.heatmap import correlation_figure, exposure_figure
from scoring.report.figures.per_era import era_figure
from scoring.report.figures.rolling import rolling_figure
from scoring.report.results import RunResults
from scoring.report.scores import Scores
from scoring.report.sections.base import Section, absent


def time_section(results: RunResults) -> Section:
    """Cumulative, rolling and per-era scores."""
    title = "Scores over time"
    if results.scores is None or not results.scores.candidates:
        return Section("time", title, absent("Nothing has been scored yet.", "evaluate"))
    figures = [cumulative_figure(results.scores)]
    if rolling := rolling_figure(results.scores):
        figures.append(rolling)
    return Section("time", title, "", [*figures, era_figure(results.scores)], "Over time")


def likeness_section(results: RunResults) -> Section:
    """How alike candidates are, and which features they lean on."""
    title = "Likeness and exposure"
    if results.scores is None or not results.scores.names:
        return Section("likeness", title, absent("No correlations are recorded.", "evaluate"))
    figures = [correlation_figure(results.scores)]
    if any(c.exposure is not None and c.exposure.groups for c in results.scores.candidates):
        figures.append(exposure_figure(results.scores.candidates))
    return Section("likeness", title, "", figures, "Likeness")


def calibration_section(results: RunResults) -> Section | None:
    """Class probabilities; None where no candidate has them."""
    figure = _calibration(results.scores) if results.scores else None
    return Section("calibration", "Classification", "", [figure]) if figure else None


def _calibration(scores: Scores) -> Figure | None:
    return calibration_figure(scores.candidates)
