"""The meta-learner: whether it is worth having, its weights by era and its regimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoring.report.figures.regimes import regime_figure, weights_figure
from scoring.report.markup import count, number, percent, scrolling_table, tag, text
from scoring.report.results import RunResults
from scoring.report.sections.base import Section, facts

_TOLD = 3
_BASIS = (
    "Regimes and their weights are those of a last network, which learned from all pooled eras. "
    "The verdict is not about it, but about networks that had seen earlier eras alone."
)


def meta_section(results: RunResults) -> Section | None:
    """Verdict, weights and regimes; None where no meta-learner was tried."""
    walk = results.meta
    if walk is None:
        return None
    gain, regimes = walk["gain"], walk["regimes"]
    items = [
        ("Judged eras", count(len(walk["eras"]))),
        ("Meta-learner", number(walk["mean"])),
        ("Static weights", number(walk["static_mean"])),
        ("Difference", f"{number(gain['mean'])} (s.e. {number(gain['standard_error'])})"),
        ("Weight moved an era", percent(walk["turnover"])),
    ]
    body = text("p", f"The meta-learner is {walk['verdict']}.") + facts(items)
    figures = [weights_figure(walk)]
    if regimes is not None:
        body += text("p", _BASIS) + _table(regimes["regimes"], walk["members"])
        figures.append(regime_figure(regimes))
    return Section("meta", "The meta-learner", body, figures, nav="Meta-learner")


def _table(regimes: Sequence[Mapping[str, Any]], members: Sequence[str]) -> str:
    heads = ("Regime", "What sets it apart", "Eras", "Share", "Highest weights")
    numeric = {"Eras", "Share"}
    head = "".join(
        text("th", name, scope="col", class_="number" if name in numeric else None)
        for name in heads
    )
    rows = "".join(
        tag(
            "tr",
            text("th", regime["number"], scope="row")
            + text("td", _apart(regime))
            + text("td", count(regime["eras"]), class_="number")
            + text("td", percent(regime["share"]), class_="number")
            + text("td", _highest(regime["weights"], members)),
        )
        for regime in regimes
    )
    return scrolling_table(tag("tr", head), rows, "Regimes of the meta-learner")


def _apart(regime: Mapping[str, Any]) -> str:
    """The strongest statistics with their distance from the mean era in standard deviations."""
    return ", ".join(f"{name} {number(by, 1)}" for name, by in regime["strongest"])


def _highest(weights: Sequence[float], members: Sequence[str]) -> str:
    ranked = sorted(zip(weights, members, strict=True), reverse=True)[:_TOLD]
    return ", ".join(f"{member} {percent(weight)}" for weight, member in ranked)
