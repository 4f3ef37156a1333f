"""The walk: models and weights that learn as eras are resolved, beside those that do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoring.report.figures.walk import lived_figure, walked_weights_figure
from scoring.report.markup import count, number, percent, scrolling_table, size, tag, text
from scoring.report.results import RunResults
from scoring.report.sections.base import Section, facts

FIGURES = {"CORR": ("corr", "mean"), "s.e.": ("corr", "standard_error")}
FURTHER = {"Sharpe": ("corr", "sharpe"), "MMC": ("mmc", "mean"), "BMC": ("bmc", "mean")}


def walk_section(results: RunResults) -> Section | None:
    """Verdict, scores and weights over time; None where nothing was walked."""
    walk = results.walk
    if walk is None:
        return None
    eras, held = walk["eras"], walk["held"]
    items = [
        ("Walked eras", f"{count(len(eras))}, {eras[0]} to {eras[-1]}"),
        ("Updates", count(len(walk["updates"]))),
        ("Known after", f"{count(walk['purge'])} positions"),
        ("Weights", str(walk["settings"]["method"])),
        ("Weight moved an era", percent(walk["turnover"])),
        ("Held in memory", f"{count(held['eras'])} eras, {size(held['bytes'])}"),
    ]
    body = text("p", f"Learning on is {walk['verdict']}.") + facts(items) + _learns(walk)
    body += _table(walk["candidates"]) + _differences(walk["differences"])
    figures = [lived_figure(walk)]
    if (weights := walked_weights_figure(walk)) is not None:
        figures.append(weights)
    return Section("walk", "Walked through history", body, figures, nav="Walk")


def _learns(walk: Mapping[str, Any]) -> str:
    lines = [f"{name} {how}" for name, how in walk["learns"].items()]
    lines += [f"{name} is left out: {why}" for name, why in walk["left_out"].items()]
    return tag("ul", "".join(text("li", line) for line in lines))


def _table(candidates: Mapping[str, Mapping[str, Any]]) -> str:
    shown = FIGURES | FURTHER
    head = text("th", "Candidate", scope="col") + text("th", "What it is", scope="col")
    head += "".join(text("th", name, scope="col", class_="number") for name in shown)
    rows = "".join(
        tag(
            "tr",
            text("th", name, scope="row")
            + text("td", entry["about"])
            + "".join(
                text("td", number((entry["summary"][m] or {}).get(f)), class_="number")
                for m, f in shown.values()
            ),
        )
        for name, entry in candidates.items()
    )
    return scrolling_table(tag("tr", head), rows, "Scores over the walked eras")


def _differences(pairs: list[Mapping[str, Any]]) -> str:
    lines = [
        f"{pair['of']} beyond {pair['to']}: {number(pair['mean'])} "
        f"(s.e. {number(pair['standard_error'])})"
        for pair in pairs
    ]
    return tag("ul", "".join(text("li", line) for line in lines))
