"""The ensemble: its method and its members' weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoring.report.markup import count, percent, tag, text
from scoring.report.results import RunResults
from scoring.report.scores import ENSEMBLE
from scoring.report.sections.base import Section, absent, facts


def ensemble_section(results: RunResults) -> Section:
    """Method and members."""
    title = "The ensemble"
    scored = results.scores is not None and bool(results.scores.of_kind(ENSEMBLE))
    if results.ensemble is None or not scored:
        return Section("ensemble", title, absent("There is no ensemble yet.", "ensemble"))
    weights = member_weights(results.ensemble)
    method = str(results.ensemble.get("method", "")).replace("_", " ")
    items = [("Method", method or "not recorded"), ("Members", count(len(weights)))]
    chips = "".join(
        tag("li", text("span", name) + text("b", percent(w))) for name, w in weights.items()
    )
    members = tag("ul", chips, class_="chips", aria_label="Members and weights") if chips else ""
    return Section("ensemble", title, facts(items) + members, nav="Ensemble")


def member_weights(ensemble: Mapping[str, Any]) -> dict[str, float]:
    """Weight by member, as a share of all weights."""
    members = {str(m["name"]): float(m["weight"]) for m in ensemble.get("members") or ()}
    total = sum(members.values()) or 1.0
    return {name: weight / total for name, weight in members.items()}
