"""The unique version of the ensemble: what was changed, what it cost, and the frontier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scoring.report.figures.frontier import frontier_figure
from scoring.report.markup import number, scrolling_table, tag, text
from scoring.report.results import RunResults
from scoring.report.sections.base import Section
from scoring.report.unique import (
    Report,
    between_words,
    change_words,
    later_words,
    paid_words,
    stand_in_words,
    wish_words,
)

Figures = Mapping[str, Any]


def unique_section(results: RunResults) -> Section | None:
    """Both versions side by side; None where there is no unique one."""
    report = results.unique
    if report is None:
        return None
    words = [
        change_words(report),
        wish_words(report),
        f"against the standard version: {paid_words(report['difference'])}",
        between_words(report),
        stand_in_words(report),
        later_words(report),
    ]
    said = "".join(text("p", _sentence(line)) for line in words if line)
    figure = frontier_figure(report)
    figures = [figure] if figure is not None else []
    return Section("unique", "The unique version", said + _table(report), figures, nav="Unique")


def _table(report: Report) -> str:
    columns = _columns(report)
    heads = text("th", "Version", scope="col") + "".join(
        text("th", name, scope="col", class_="number") for name in columns
    )
    rows = "".join(
        tag(
            "tr",
            text("th", version, scope="row")
            + "".join(
                text("td", number(find(figures)), class_="number") for find in columns.values()
            ),
        )
        for version, figures in report["versions"].items()
    )
    return scrolling_table(tag("tr", heads), rows, "The standard and the unique version")


def _columns(report: Report) -> dict[str, Callable[[Figures], float | None]]:
    standard = report["versions"]["standard"]
    columns = {"CORR": _of("corr", "mean"), "Sharpe": _of("corr", "sharpe")}
    held = [metric for metric in ("mmc", "bmc") if metric in standard]
    columns |= {metric.upper(): _of(metric, "mean") for metric in held}
    roles = {report["goal"]["meta_model"]: "meta model", report["goal"]["benchmark"]: "benchmark"}
    alike = standard["correlation"]
    columns |= {f"With {roles.get(name, name)}": _of("correlation", name) for name in alike}
    columns |= {"RMSE": _of("rmse"), "Mean exposure": _of("exposure", "mean")}
    columns |= {"Largest exposure": _of("exposure", "max"), "Turnover": _of("turnover")}
    found = [columns[name](standard) is not None for name in columns]
    return {name: columns[name] for name, known in zip(columns, found, strict=True) if known}


def _of(*keys: str) -> Callable[[Figures], float | None]:
    def find(figures: Figures) -> float | None:
        value: Any = figures
        for key in keys:
            value = value[key]
        return None if value is None else float(value)

    return find


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
