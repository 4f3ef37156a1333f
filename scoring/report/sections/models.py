"""The table of candidates, sortable by every column, failed models included."""

from __future__ import annotations

from scoring.report.figures.means import mean_figure
from scoring.report.markup import breakable, count, scrolling_table, tag, text
from scoring.report.results import RunResults
from scoring.report.scores import KINDS, MODEL
from scoring.report.sections.base import Section, absent
from scoring.report.sections.columns import COLUMNS, SETS, Column, Line
from scoring.report.verdict import share


def models_section(results: RunResults) -> Section:
    """The table, the meaning of its columns, and the mean scores drawn."""
    title = "Models"
    scores = results.scores
    missing = absent("Nothing has been scored yet.", "evaluate") if scores is None else ""
    lines = _lines(results)
    if not lines:
        return Section("models", title, absent("No model has been trained yet.", "train"))
    figures = [mean_figure(scores)] if scores and scores.candidates else []
    return Section("models", title, missing + sortable_table(lines), figures)


def sortable_table(lines: list[Line]) -> str:
    """The candidates as a table, with the columns that any of them has, and their meanings."""
    columns = [c for c in COLUMNS if any(c.value(line) is not None for line in lines)]
    return _table(lines, columns) + _meanings(columns)


def _lines(results: RunResults) -> list[Line]:
    """What is scored, then what is not; models of a grid that it did not keep have its section."""
    shown = {row["name"] for row in results.grid["rows"]} if results.grid else set()
    models = {model.name: model for model in results.models}
    final = {c.name: c for c in results.final.candidates} if results.final else {}
    lines = []
    if scores := results.scores:
        lines = [
            Line(c.name, c, models.pop(c.name, None), share(scores, c), final.get(c.name))
            for c in scores.candidates
        ]
    rest = [model for name, model in models.items() if name not in shown]
    return lines + [Line(model.name, None, model, None, None) for model in rest]


def _table(lines: list[Line], columns: list[Column]) -> str:
    head = tag("tr", _head("Candidate", "none") + "".join(map(_column_head, columns)))
    most = max((line.figure("corr", "eras") or 0 for line in lines), default=0)
    body = "".join(_row(line, columns, most) for line in lines)
    table = scrolling_table(
        head,
        body,
        "Scores of every candidate",
        class_="models",
        id="models-table",
        data_sortable="true",
    )
    return _chooser(columns) + table


def _chooser(columns: list[Column]) -> str:
    """Sets of columns to choose from; without the page's script all are shown."""
    names = [name for name in SETS if any(name in c.sets and c.sets != SETS for c in columns)]
    options = "".join(text("option", name, value=name) for name in names)
    options += text("option", "All columns", value="")
    select = tag("select", options, data_columns="models-table")
    return tag("label", tag("span", "Columns") + select, class_="choice above")


def _meanings(columns: list[Column]) -> str:
    meanings = "".join(text("dt", c.head) + text("dd", c.meaning) for c in columns)
    summary = text("summary", "What the columns mean")
    return tag("details", summary + tag("dl", meanings, class_="meanings"))


def _column_head(column: Column) -> str:
    first = column.head == COLUMNS[0].head
    return _head(column.head, "descending" if first else "none", column)


def _head(name: str, order: str, column: Column | None = None) -> str:
    button = text("button", name, type="button", title=column.meaning if column else None)
    sets = "|".join(column.sets) if column else None
    return tag("th", button, scope="col", aria_sort=order, data_sets=sets)


def _row(line: Line, columns: list[Column], most: float) -> str:
    if line.model is not None and line.model.failed:
        reason = line.model.reason or "no reason was recorded"
        said = text("span", f"failed: {reason}")
        cell = tag("td", said, colspan=str(len(columns)), class_="reason")
        return tag("tr", _name(line, most) + cell, class_="failed")
    cells = "".join(_cell(column, line) for column in columns)
    kind = line.candidate.kind if line.candidate else MODEL
    return tag("tr", _name(line, most) + cells, class_=kind)


def _cell(column: Column, line: Line) -> str:
    value = column.value(line)
    raw = "" if value is None else repr(float(value))
    below = column.below(line) if column.below is not None else ""
    inner = tag("span", column.show(value)) + (text("small", below) if below else "")
    return tag("td", inner, class_="number", data_value=raw)


def _name(line: Line, most: float) -> str:
    """Name, kind, and how many of the scored eras a candidate has where it lacks some."""
    family = line.candidate.family if line.candidate else ""
    family = family or (line.model.family if line.model else "")
    kind = line.candidate.kind if line.candidate else MODEL
    preset = line.model.preset if line.model else ""
    below = KINDS.get(kind, kind) if kind != MODEL else " · ".join(filter(None, (family, preset)))
    eras = line.figure("corr", "eras")
    if eras is not None and eras < most:
        below = f"{below}, {count(eras)} of {count(most)} eras"
    inner = tag("span", breakable(line.name)) + (text("small", below) if below else "")
    return tag("th", inner, scope="row", data_value=line.name)
