"""The ensemble: its method, the ways it was compared with, and its members' weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scoring.report.figures.combinations import difference_figure, weights_figure
from scoring.report.markup import breakable, count, number, percent, scrolling_table, tag, text
from scoring.report.results import RunResults
from scoring.report.scores import ENSEMBLE
from scoring.report.sections.base import Section, absent, facts

CHIPS = 24
"""Members that are listed with their weights; the chart's numbers hold all."""


def ensemble_section(results: RunResults) -> Section:
    """Method, members, and every method on later eras."""
    title = "The ensemble"
    scored = results.scores is not None and bool(results.scores.of_kind(ENSEMBLE))
    if results.ensemble is None or not scored:
        return Section("ensemble", title, absent("There is no ensemble yet.", "ensemble"))
    recipe, methods = results.ensemble, results.methods
    body = facts(_facts(recipe, methods)) + _why(recipe) + _chips(recipe)
    figures = []
    if methods is not None and methods["methods"]:
        body += _table(methods) + text("p", _basis(methods)) + _meanings(methods)
        drawn = (difference_figure(methods), weights_figure(methods))
        figures = [figure for figure in drawn if figure is not None]
    return Section("ensemble", title, body, figures, nav="Ensemble")


def member_weights(ensemble: Mapping[str, Any]) -> dict[str, float]:
    """Weight by member, as a share of all weights; members without a fixed one are left out."""
    members = {
        str(m["name"]): float(m["weight"])
        for m in ensemble.get("members") or ()
        if m["weight"] is not None
    }
    total = sum(members.values()) or 1.0
    return {name: weight / total for name, weight in members.items()}


def _facts(recipe: Mapping[str, Any], methods: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    method = str(recipe.get("method", "")).replace("_", " ")
    items = [("Method", method or "not recorded")]
    items.append(("Members", count(len(recipe.get("members") or ()))))
    if methods is not None:
        items.append(("Candidates", count(len(methods["members"]))))
    if learned := recipe.get("learned"):
        items.append(("Learned from", f"{learned[2]} eras, {learned[0]} to {learned[1]}"))
    return items


def _why(recipe: Mapping[str, Any]) -> str:
    reason = str(recipe.get("reason") or "")
    return text("p", f"Why: {reason}.") if reason else ""


def _chips(recipe: Mapping[str, Any]) -> str:
    weights = sorted(member_weights(recipe).items(), key=lambda item: -item[1])[:CHIPS]
    chips = "".join(tag("li", text("span", name) + text("b", percent(w))) for name, w in weights)
    return tag("ul", chips, class_="chips", aria_label="Members and weights") if chips else ""


def _table(content: Mapping[str, Any]) -> str:
    methods = content["methods"]
    columns = {
        name: find
        for name, find in COLUMNS.items()
        if any(find(one) is not None for one in methods.values())
    }
    head = text("th", "Method", scope="col") + "".join(
        text("th", name, scope="col", class_="number") for name in columns
    )
    order = sorted(methods, key=lambda name: -(_mean("corr")(methods[name]) or 0.0))
    rows = "".join(_row(name, methods[name], columns) for name in order)
    return scrolling_table(tag("tr", head), rows, "Ways to combine the members")


def _row(
    name: str,
    entry: Mapping[str, Any],
    columns: Mapping[str, Callable[[Mapping[str, Any]], float | None]],
) -> str:
    cells = "".join(
        text("td", number(find(entry), 1 if head == MEMBERS else 4), class_="number")
        for head, find in columns.items()
    )
    return tag("tr", tag("th", breakable(name), scope="row") + cells)


def _meanings(content: Mapping[str, Any]) -> str:
    meanings = "".join(
        text("dt", name) + text("dd", entry["about"]) for name, entry in content["methods"].items()
    )
    summary = text("summary", "What the methods do")
    return tag("details", summary + tag("dl", meanings, class_="meanings"))


def _basis(content: Mapping[str, Any]) -> str:
    judged, blocks = content["judged"], content["blocks"]
    best = content["recommended"]
    return (
        f"Judged on {count(len(judged))} eras, {judged[0]} to {judged[-1]}, in {len(blocks)} "
        "blocks, each by what was learned from earlier eras with a purge of "
        f"{content['purge']}. Recommended: {best['method']}, because: {best['reason']}."
    )


def _mean(metric: str, figure: str = "mean") -> Callable[[Mapping[str, Any]], float | None]:
    return lambda entry: (entry["summary"].get(metric) or {}).get(figure)


def _of(part: str, figure: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda entry: (entry[part] or {}).get(figure)


MEMBERS = "Members it amounts to"
COLUMNS = {
    "CORR": _mean("corr"),
    "Sharpe": _mean("corr", "sharpe"),
    "MMC": _mean("mmc"),
    "BMC": _mean("bmc"),
    "To equal": _of("difference", "mean"),
    "Standard error": _of("difference", "standard_error"),
    MEMBERS: _of("concentration", "effective"),
    "Largest weight": _of("concentration", "largest"),
}
