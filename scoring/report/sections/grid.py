"""A model on each feature set and group: what each is worth, and which are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoring.report.markup import breakable, count, number, percent, scrolling_table, tag, text
from scoring.report.results import RunResults
from scoring.report.sections.base import Section, facts

KINDS = {"set": "set", "group": "group", "both": "group within a set"}
FIGURES = {"CORR": "corr", "Sharpe": "sharpe", "MMC": "mmc", "BMC": "bmc"}


def grid_section(results: RunResults) -> Section | None:
    """Scores by features, and why these are kept; None where no grid was trained."""
    grid = results.grid
    if grid is None:
        return None
    good = [row for row in grid["rows"] if row["status"] == "ok"]
    bad = [row for row in grid["rows"] if row["status"] != "ok"]
    items = [
        ("Model", str(grid["model"])),
        ("Trained on", str(grid["of"])),
        ("Models", f"{count(len(good))} of {count(len(grid['rows']))}"),
        ("Kept", count(len(grid["kept"]))),
        ("Selected on", f"{grid['learned'][2]} eras, {grid['learned'][0]} to {grid['learned'][1]}"),
    ]
    body = facts(items) + text("p", _why(grid)) + _table(good) + _failed(bad)
    return Section("grid", "Feature sets and groups", body, nav="Sets and groups")


def _why(grid: Mapping[str, Any]) -> str:
    first, last, eras = grid["eras"]
    return (
        f"Scores are those of {eras} eras, {first} to {last}. Kept: {', '.join(grid['kept'])}, "
        f"because: {grid['reason']}. They were chosen by scores on these eras, so that their own "
        "scores, and the ensemble's, flatter them a little; the held-out eras do not."
    )


def _table(rows: list[Mapping[str, Any]]) -> str:
    shown = {head: key for head, key in FIGURES.items() if any(r[key] is not None for r in rows)}
    numeric = ("Columns", *shown, "Share of picks")
    heads = ("Model", "Features", "Kind", *numeric, "Kept")
    head = "".join(
        text("th", name, scope="col", class_="number" if name in numeric else None)
        for name in heads
    )
    body = "".join(_row(row, list(shown.values())) for row in rows)
    return scrolling_table(tag("tr", head), body, "Models by feature set and group")


def _row(row: Mapping[str, Any], figures: list[str]) -> str:
    words = ", ".join((row["features"], *row["same"]))
    cells = [text("td", words), text("td", KINDS[row["kind"]])]
    numbers = [count(row["columns"]), *(number(row[key]) for key in figures)]
    numbers.append(percent(row["weight"]) if row["weight"] else "")
    cells += [text("td", one, class_="number") for one in numbers]
    cells.append(text("td", "kept" if row["kept"] else ""))
    return tag("tr", tag("th", breakable(row["name"]), scope="row") + "".join(cells))


def _failed(rows: list[Mapping[str, Any]]) -> str:
    items = "".join(
        tag("li", text("strong", row["name"]) + text("span", f" {row['status']}: {row['reason']}"))
        for row in rows
    )
    return tag("ul", items, aria_label="Models that were not trained") if items else ""
