"""Training curves of networks: loss and score by epoch and fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoring.report.figures.base import COLOURS, Figure, Numbers, Trace, View, colour, label, series
from scoring.report.markup import DASH, count, number
from scoring.report.results import FitRecord, ModelRun

VALIDATION = "val_"


def training_figure(models: Sequence[ModelRun]) -> Figure | None:
    """A line a fold in the colours of the folds; one view a model and metric."""
    views, rows = [], []
    for model in models:
        fits = [fit for fit in model.fits if any(fit.history.values())]
        views += [_view(model.name, metric, fits) for metric in _metrics(fits)]
        rows += [_row(model.name, fit) for fit in fits]
    if not views:
        return None
    heads = ("Fit", "Epochs", "Best epoch", "Loss then", "Watched loss", "Watched CORR")
    return Figure(
        "training-chart",
        "Training curves",
        "Dotted lines are the training eras, solid ones the newest training eras, which are "
        "watched and not fitted. Rings mark the epoch that was kept.",
        views,
        height=380,
        choice="Model and metric",
        numbers=Numbers(heads, rows),
    )


def _metrics(fits: Sequence[FitRecord]) -> list[str]:
    """The names of the curves, a training curve and its watched one under one name."""
    names = {name.removeprefix(VALIDATION) for fit in fits for name in fit.history}
    first = [name for name in ("loss", "corr") if name in names]
    return first + sorted(names - {*first, "learning_rate"})


def _view(model: str, metric: str, fits: Sequence[FitRecord]) -> View:
    traces = []
    for k, fit in enumerate(fits):
        tint = colour(f"series-{k % COLOURS + 1}")
        for name, dash in ((metric, "dot"), (VALIDATION + metric, "solid")):
            if values := fit.history.get(name):
                traces.append(_line(fit, name, values, tint, dash))
        if best := _best(fit, metric):
            traces.append(_ring(fit, *best, tint))
    title = {"corr": "CORR"}.get(metric, metric.replace("_", " "))
    layout = {
        "showlegend": True,
        "hovermode": "closest",
        "xaxis": {"title": {"text": "epoch"}, "tickformat": "d", "showgrid": False},
        "yaxis": {"title": {"text": title}, "tickformat": ".4~g"},
    }
    return View(f"{model}: {title}", traces, layout)


def _line(fit: FitRecord, name: str, values: Sequence[float | None], tint: str, dash: str) -> Trace:
    watched = name.startswith(VALIDATION)
    alone = watched or VALIDATION + name not in fit.history
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(values) == 1 else "lines",
        "name": label(fit.name),
        "legendgroup": label(fit.name),
        "showlegend": alone,
        "x": list(range(1, len(values) + 1)),
        "y": series(values, 6),
        "line": {"color": tint, "width": 2 if watched else 1.5, "dash": dash},
        "hovertemplate": f"{label(fit.name)}, epoch %{{x}}: %{{y:.5~g}} "
        f"{'watched' if watched else 'training'}<extra></extra>",
    }


def _ring(fit: FitRecord, epoch: int, value: float, tint: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label(fit.name),
        "legendgroup": label(fit.name),
        "showlegend": False,
        "x": [epoch],
        "y": [value],
        "marker": {
            "size": 11,
            "symbol": "circle-open",
            "color": tint,
            "line": {"width": 2.5, "color": tint},
        },
        "hovertemplate": f"{label(fit.name)}: epoch %{{x}} was kept<extra></extra>",
    }


def _best(fit: FitRecord, metric: str) -> tuple[int, float] | None:
    curve = fit.history.get(VALIDATION + metric) or fit.history.get(metric) or ()
    if fit.best_epoch is None or not 1 <= fit.best_epoch <= len(curve):
        return None
    value = curve[fit.best_epoch - 1]
    return None if value is None else (fit.best_epoch, round(value, 6))


def _row(model: str, fit: FitRecord) -> tuple[str, ...]:
    epochs = max(map(len, fit.history.values()), default=0)
    kept = fit.best_epoch or epochs
    values: list[Any] = []
    for name in ("loss", "val_loss", "val_corr"):
        curve = fit.history.get(name) or ()
        values.append(curve[kept - 1] if 0 < kept <= len(curve) else None)
    best = count(fit.best_epoch) if fit.best_epoch else DASH
    return (f"{model}, {fit.name}", count(epochs), best, *(number(v, 5) for v in values))
