"""What features are worth to the models that were asked."""

from __future__ import annotations

from scoring.report.figures.importance import importance_figure
from scoring.report.results import RunResults
from scoring.report.sections.base import Section


def importance_section(results: RunResults) -> Section | None:
    """Importance by feature and group; None where no model has any (`models.NAME.importance`)."""
    figure = importance_figure(results.importance)
    return Section("importance", "Features", "", [figure]) if figure else None
