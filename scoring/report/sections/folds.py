"""The folds."""

from __future__ import annotations

from scoring.report.figures.folds import fold_figure
from scoring.report.results import RunResults
from scoring.report.sections.base import Section, absent


def folds_section(results: RunResults) -> Section:
    """The fold plan as bars to scale."""
    title = "The folds"
    if results.folds is None or not results.folds.folds:
        return Section("folds", title, absent("There are no folds yet.", "shard"))
    return Section("folds", title, "", [fold_figure(results.folds)], "Folds")
