"""The figures of a study, by name."""

from __future__ import annotations

from scoring.report.figures.base import Figure
from scoring.report.figures.folds import fold_figure
from scoring.report.figures.heatmap import cluster_figure
from scoring.report.figures.parameters import parameter_figure
from scoring.report.figures.trials import past_future_figure, spread_figure, trial_cloud
from scoring.report.studies import Mining

SHORT = 8
"""Digits of an id that figures show."""


def study_figures(found: Mining) -> dict[str, Figure]:
    """`past_future`, `scores`, `parameters`, `clusters` and `folds`, as far as there are any."""
    made = {
        "past_future": past_future_figure(trial_cloud(found.scored)),
        "scores": spread_figure(found.scored),
        "parameters": parameter_figure(found),
        "clusters": _clusters(found),
        "folds": fold_figure(found.folds, found.test),
    }
    return {name: figure for name, figure in made.items() if figure is not None}


def _clusters(found: Mining) -> Figure | None:
    held = found.clusters
    if held is None:
        return None
    return cluster_figure([one[:SHORT] for one in held["ids"]], held["matrix"], held["groups"])
