"""The data: eras, rows, features, groups, targets."""

from __future__ import annotations

from scoring.report.figures.base import Figure
from scoring.report.figures.rows import rows_figure
from scoring.report.figures.targets import target_figure
from scoring.report.markup import DASH, count, listing, size, tag, text
from scoring.report.results import DataFacts, RunResults
from scoring.report.sections.base import Section, absent, facts


def data_section(results: RunResults) -> Section:
    """Counts and names, rows by era, and the distribution of the target."""
    if results.data is None:
        return Section("data", "The data", absent("There are no shards yet.", "shard"))
    data, scores = results.data, results.scores
    target = scores.target if scores else (results.folds.target if results.folds else "")
    figures: list[Figure] = []
    if data.eras:
        figures.append(rows_figure(data, target))
    if scores and scores.distribution:
        figures.append(target_figure(scores))
    return Section("data", "The data", _facts(data) + _groups(data), figures, "Data")


def _facts(data: DataFacts) -> str:
    labels = [era for era, split, *_ in data.eras if split != "live"]
    rows = [n for _, split, n, _ in data.eras if split != "live"]
    items = [
        ("Eras", count(len(labels)) + (f", {labels[0]} to {labels[-1]}" if labels else "")),
        ("Rows", count(data.rows)),
        ("Rows an era", " to ".join(map(count, sorted({min(rows), max(rows)}))) if rows else DASH),
        ("Features", count(data.features)),
        ("Targets", _some(data.targets)),
        ("References", _some(data.references)),
        ("Shards", size(data.bytes)),
    ]
    return facts(items)


def _some(names: tuple[str, ...], most: int = 4) -> str:
    if len(names) <= most:
        return listing(names) or "none"
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def _groups(data: DataFacts) -> str:
    if not data.groups:
        return ""
    items = "".join(
        tag("li", text("span", name) + text("b", count(n))) for name, n in data.groups.items()
    )
    head = text("h3", "Feature groups", id="groups-heading")
    return head + tag("ul", items, class_="chips", aria_labelledby="groups-heading")
