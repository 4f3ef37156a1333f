"""The page of a comparison of models: a verdict, and one table to sort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoring.report.document import document
from scoring.report.markup import breakable, counted, number, scrolling_table, tag, text
from scoring.report.models.columns import COLUMNS, SETS, Column, Row
from scoring.report.models.reasons import why
from scoring.report.scores import Notice
from scoring.report.sections.base import Section, notice_list

OK = "ok"
TABLE = "comparison-table"


def build_page(comparison: Mapping[str, Any]) -> str:
    """The whole page as text.

    Args:
        comparison: the content of `comparison.json`.
    """
    rows = comparison["rows"]
    sections = [Section("models", "Models", models_table(rows)), _best_section(rows)]
    title = f"{comparison['run']} · erazoo comparison of models"
    return document(title, _head(comparison), sections, "the result files of the run")


def models_table(rows: Sequence[Row]) -> str:
    """All rows as a table that the page's script sorts, and what its columns mean."""
    columns = [c for c in COLUMNS if any(c.value(row) is not None for row in rows)]
    head = tag("tr", _column_head("Model", "none") + "".join(map(_head_of, columns)))
    body = "".join(_row(row, columns) for row in rows)
    table = scrolling_table(
        head, body, "Every model of the comparison", class_="models", id=TABLE, data_sortable="true"
    )
    meanings = "".join(text("dt", c.head) + text("dd", c.meaning) for c in columns)
    about = tag("dl", meanings, class_="meanings")
    return _chooser() + table + tag("details", text("summary", "What the columns mean") + about)


def basis(comparison: Mapping[str, Any]) -> str:
    """What the scores are of, in one line."""
    if not comparison["eras"]:
        return "Nothing is scored"
    eras = counted(comparison["eras"], "era")
    span = f"{comparison['first_era']} to {comparison['last_era']}"
    folds = counted(comparison["folds"], "fold")
    return f"{comparison['target']} over {eras} of {folds}, {span}"


def thinning(comparison: Mapping[str, Any]) -> str:
    """Which training eras were learned from, where these are not all."""
    eras = comparison["training_eras"]
    if eras == "all":
        return ""
    return f"Models learned from some of the training eras only ({eras})."


def _head(comparison: Mapping[str, Any]) -> str:
    alarms = [Notice(a["level"], a["words"]) for a in comparison["alarms"]]
    few = [Notice("warning", words)] if (words := thinning(comparison)) else []
    loud = [notice for notice in alarms if notice.level == "alarm"]
    return "".join(
        [
            text("p", "Comparison of models", class_="kicker"),
            text("h1", comparison["run"]),
            text("p", basis(comparison), class_="subtitle"),
            notice_list(loud, "Alarms"),
            text("p", _verdict(comparison["rows"]), class_="verdict"),
            notice_list([*few, *(n for n in alarms if n not in loud)], "Warnings and notes"),
        ]
    )


def _verdict(rows: Sequence[Row]) -> str:
    models = [row for row in rows if row["status"] == OK and row["category"] != "reference"]
    others = len([row for row in rows if row["status"] != OK])
    rest = f" {counted(others, 'model')} did not finish or took no part." if others else ""
    first = next((row for row in models if row.get("corr") is not None), None)
    if first is None:
        return f"No model has a score.{rest}"
    beaten = f"Of {counted(len(models), 'model')} {first['name']} has the highest mean CORR"
    return f"{beaten}, {number(first['corr'])}.{rest}"


def _best_section(rows: Sequence[Row]) -> Section:
    best = [row for row in rows if row.get("best")]
    items = "".join(
        tag("li", text("b", row["category"]) + text("span", f"{row['name']} {number(row['corr'])}"))
        for row in best
    )
    body = text("p", "The highest mean CORR of each category.") + tag("ul", items, class_="chips")
    return Section("best", "Best of each category", body, nav="Best")


def _chooser() -> str:
    options = "".join(text("option", name, value=name) for name in SETS)
    select = tag("select", options + text("option", "All columns", value=""), data_columns=TABLE)
    return tag("label", tag("span", "Columns") + select, class_="choice above")


def _head_of(column: Column) -> str:
    order = "descending" if column is COLUMNS[0] else "none"
    return _column_head(column.head, order, column.meaning, "|".join(column.sets))


def _column_head(name: str, order: str, meaning: str | None = None, sets: str | None = None) -> str:
    button = text("button", name, type="button", title=meaning)
    return tag("th", button, scope="col", aria_sort=order, data_sets=sets)


def _row(row: Row, columns: Sequence[Column]) -> str:
    if row["status"] != OK:
        said = text("span", why(row))
        cell = tag("td", said, colspan=str(len(columns)), class_="reason")
        return tag("tr", _name(row) + cell, class_="failed")
    kind = "benchmark" if row["category"] == "reference" else "model"
    return tag("tr", _name(row) + "".join(_cell(c, row) for c in columns), class_=kind)


def _cell(column: Column, row: Row) -> str:
    value = column.value(row)
    raw = "" if value is None else repr(value)
    return tag("td", tag("span", column.show(value)), class_="number", data_value=raw)


def _name(row: Row) -> str:
    below = " · ".join(filter(None, (row["category"], row.get("preset"))))
    if row.get("best"):
        below += " · best"
    inner = tag("span", breakable(row["name"])) + (text("small", below) if below else "")
    return tag("th", inner, scope="row", data_value=row["name"])
