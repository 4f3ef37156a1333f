"""What features and groups of features are worth to each model."""

from __future__ import annotations

from collections.abc import Mapping

from scoring.report.figures.base import Figure, Numbers, View, colour, label, series
from scoring.report.importance import KINDS, Importance, Worth
from scoring.report.markup import number

MEASURES = {
    "shap": ("SHAP", "mean |SHAP value|"),
    "gain": ("gain", "share of the gain"),
    "permutation": ("permutation", "CORR lost without it"),
}
PREFIX = "feature_"
"""Of all feature names, and left out where all bars have it."""
MOST = 20
"""Bars of a view."""


def importance_figure(models: Mapping[str, Importance]) -> Figure | None:
    """Bars of the most worthy features and groups; None where no model has any."""
    views, rows, longest = [], [], 0
    for model, measures in models.items():
        for measure in (name for name in MEASURES if name in measures):
            for kind in (name for name in KINDS if measures[measure].get(name)):
                shown = measures[measure][kind][:MOST]
                views.append(_view(model, measure, kind, shown))
                rows += [(w.name, views[-1].label, number(w.value, 5)) for w in shown]
                longest = max(longest, len(shown))
    if not views:
        return None
    caption = (
        f"The first {MOST} at most. SHAP: how far a feature moves a prediction, the mean size over "
        "sampled rows of validation eras; of a group, that of its features' sum. Gain: the share "
        "of what all splits gained in training. Permutation: CORR that validation eras lose when a "
        "column is shuffled within its era, with its standard error. Groups overlap; correlated "
        "features share what they are worth."
    )
    return Figure(
        "importance-chart",
        "What features are worth",
        caption,
        views,
        height=90 + 22 * longest,
        numbers=Numbers(("Feature or group", "Of", "Worth"), rows),
    )


def _view(model: str, measure: str, kind: str, shown: tuple[Worth, ...]) -> View:
    name, axis = MEASURES[measure]
    prefix = PREFIX if all(worth.name.startswith(PREFIX) for worth in shown) else ""
    names = [label(worth.name.removeprefix(prefix)) for worth in shown]
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": series((worth.value for worth in shown), 7),
        "marker": {"color": colour("series-1"), "line": {"width": 0}},
        "hovertemplate": f"{prefix}%{{y}}: %{{x:.5f}}<extra></extra>",
    }
    if any(worth.error is not None for worth in shown):
        errors = series((worth.error for worth in shown), 7)
        trace["error_x"] = {"array": errors, "color": colour("soft"), "thickness": 1.2, "width": 3}
    layout = {
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": {"zeroline": True, "zerolinecolor": colour("line"), "title": {"text": axis}},
        "yaxis": {
            "categoryorder": "array",
            "categoryarray": names[::-1],
            "showgrid": False,
        },
    }
    return View(f"{model}, {name}, {kind}", [trace], layout)
