"""How networks trained."""

from __future__ import annotations

from scoring.report.figures.training import training_figure
from scoring.report.results import RunResults
from scoring.report.sections.base import Section


def training_section(results: RunResults) -> Section | None:
    """Curves by epoch; None where no model has any."""
    figure = training_figure(results.models)
    return Section("training", "Training", "", [figure]) if figure else None
