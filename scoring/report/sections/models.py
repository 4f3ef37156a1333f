"""The table of candidates, sortable by every column, failed models included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scoring.report.figures.means import mean_figure
from scoring.report.markup import DASH, breakable, count, duration, number, percent, tag, text
from scoring.report.results import (
    BENCHMARK,
    ENSEMBLE,
    META_MODEL,
    Candidate,
    ModelRun,
    RunResults,
)
from scoring.report.sections.base import Section, absent, scrolling_table
from scoring.report.verdict import share

KINDS = {ENSEMBLE: "ensemble", BENCHMARK: "benchmark", META_MODEL: "meta model"}


@dataclass(frozen=True)
class Column:
    """One column: its head, what it means, and how a value is found and shown."""

    head: str
    meaning: str
    value: Callable[[Line], float | None]
    show: Callable[[float | None], str]


@dataclass(frozen=True)
class Line:
    """One row: a scored candidate, a training record, or both."""

    name: str
    candidate: Candidate | None
    model: ModelRun | None
    share: float | None
    final: Candidate | None

    def figure(self, metric: str, figure: str) -> float | None:
        """A figure of a summary, None where it was not taken or is undefined."""
        if self.candidate is None or metric not in self.candidate.summaries:
            return None
        value = float(getattr(self.candidate.summaries[metric], figure))
        return None if value != value else value

    def seconds(self, part: str) -> float | None:
        """Seconds of `fit` or `predict`."""
        for record in (self.candidate, self.model):
            if record is not None and part in record.seconds:
                return record.seconds[part]
        return None


def models_section(results: RunResults) -> Section:
    """The table, the meaning of its columns, and the mean scores drawn."""
    title = "Models"
    scores = results.scores
    missing = absent("Nothing has been scored yet.", "evaluate") if scores is None else ""
    lines = _lines(results)
    if not lines:
        return Section("models", title, absent("No model has been trained yet.", "train"))
    columns = [c for c in COLUMNS if any(c.value(line) is not None for line in lines)]
    head = tag("tr", _head("Candidate", "none") + "".join(map(_column_head, columns)))
    body = "".join(_row(line, columns) for line in lines)
    table = scrolling_table(
        head, body, "Scores of every candidate", class_="models", data_sortable="true"
    )
    meanings = "".join(text("dt", c.head) + text("dd", c.meaning) for c in columns)
    details = tag(
        "details",
        text("summary", "What the columns mean") + tag("dl", meanings, class_="meanings"),
    )
    figures = [mean_figure(scores)] if scores and scores.candidates else []
    return Section("models", title, missing + table + details, figures)


def _lines(results: RunResults) -> list[Line]:
    models = {model.name: model for model in results.models}
    final = {c.name: c for c in results.final.candidates} if results.final else {}
    lines = []
    if scores := results.scores:
        lines = [
            Line(c.name, c, models.pop(c.name, None), share(scores, c), final.get(c.name))
            for c in scores.candidates
        ]
    return lines + [Line(name, None, model, None, None) for name, model in models.items()]


def _column_head(column: Column) -> str:
    first = column.head == COLUMNS[0].head
    return _head(column.head, "descending" if first else "none", column.meaning)


def _head(name: str, order: str, meaning: str = "") -> str:
    button = text("button", name, type="button", title=meaning or None)
    return tag("th", button, scope="col", aria_sort=order)


def _row(line: Line, columns: list[Column]) -> str:
    if line.model is not None and line.model.failed:
        reason = line.model.reason or "no reason was recorded"
        cell = text("td", f"failed: {reason}", colspan=str(len(columns)), class_="reason")
        return tag("tr", _name(line) + cell, class_="failed")
    cells = "".join(_cell(column, column.value(line)) for column in columns)
    kind = line.candidate.kind if line.candidate else "model"
    return tag("tr", _name(line) + cells, class_=kind)


def _cell(column: Column, value: float | None) -> str:
    raw = "" if value is None else repr(float(value))
    return text("td", column.show(value), class_="number", data_value=raw)


def _name(line: Line) -> str:
    family = line.candidate.family if line.candidate else ""
    family = family or (line.model.family if line.model else "")
    kind = KINDS.get(line.candidate.kind, "") if line.candidate else ""
    below = kind or " · ".join(filter(None, (family, line.model.preset if line.model else "")))
    inner = tag("span", breakable(line.name)) + (text("small", below) if below else "")
    return tag("th", inner, scope="row", data_value=line.name)


def _score(metric: str, figure: str) -> Callable[[Line], float | None]:
    return lambda line: line.figure(metric, figure)


def _two(value: float | None) -> str:
    return number(value, 2)


def _memory(value: float | None) -> str:
    return DASH if value is None else f"{count(value)} MB"


COLUMNS = (
    Column(
        "CORR", "Mean over eras of the tournament's correlation.", _score("corr", "mean"), number
    ),
    Column(
        "± SE",
        "Standard error of the mean CORR, allowing for labels that overlap between eras.",
        _score("corr", "standard_error"),
        number,
    ),
    Column("Std", "Standard deviation of CORR over eras (ddof 0).", _score("corr", "std"), number),
    Column("Sharpe", "Mean CORR / std, not annualised.", _score("corr", "sharpe"), _two),
    Column(
        "Drawdown",
        "Deepest fall of the cumulative CORR below its running maximum.",
        _score("corr", "drawdown"),
        number,
    ),
    Column("Achieved", "Mean CORR as a share of the best achievable.", lambda x: x.share, percent),
    Column(
        "Held out",
        "Mean CORR on the held-out eras.",
        lambda line: line.final.corr.mean if line.final else None,
        number,
    ),
    Column("MMC", "Mean contribution beyond the meta model.", _score("mmc", "mean"), number),
    Column("BMC", "Mean contribution beyond the benchmark.", _score("bmc", "mean"), number),
    Column("Eras", "Eras with a CORR.", _score("corr", "eras"), count),
    Column(
        "Rows",
        "Rows that entered the CORR.",
        lambda line: line.candidate.rows if line.candidate else None,
        count,
    ),
    Column("Fit", "Wall time of all fits.", lambda line: line.seconds("fit"), duration),
    Column("Predict", "Wall time of predicting.", lambda line: line.seconds("predict"), duration),
    Column(
        "Memory",
        "Peak memory of the training process.",
        lambda line: line.model.memory_mb if line.model else None,
        _memory,
    ),
)
