"""The trials of a search, and whether validation foretold later data."""

from __future__ import annotations

from scoring.report.figures.trials import (
    candidate_cloud,
    past_future_figure,
    spread_figure,
    trial_cloud,
)
from scoring.report.results import RunResults
from scoring.report.sections.base import Section


def trials_section(results: RunResults) -> Section | None:
    """Spread of the trials and past against future; None where there is neither.

    Without trials the candidates themselves are the points, once the held-out eras are open.
    """
    figures = []
    if results.trials is not None:
        figures = [past_future_figure(trial_cloud(results.trials)), spread_figure(results.trials)]
    elif results.scores is not None and results.final is not None:
        figures = [past_future_figure(candidate_cloud(results.scores, results.final))]
    drawn = [figure for figure in figures if figure is not None]
    return Section("trials", "Past and future", "", drawn, "Past, future") if drawn else None
