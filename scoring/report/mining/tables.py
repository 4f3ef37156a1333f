"""The tables of a study: its winners, and its best configurations with every figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scoring.report.markup import chance, number, scrolling_table, tag, text
from scoring.report.studies import Mining, Row

MAIN, WHOLE, PARAMETERS = "Validation and test", "All eras", "Parameters"
HEADS = {
    "corr": "CORR",
    "sharpe": "Sharpe",
    "drawdown": "Drawdown",
    "mmc": "MMC",
    "bmc": "BMC",
}
SHORT = 8


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        head: of the column.
        value: of a row.
        show: the value as text.
        set: of columns that it belongs to.
        sorts: whether the table may be sorted by it; not by what test eras have a part in.
    """

    head: str
    value: Callable[[Row], Any]
    show: Callable[[Any], str]
    set: str = MAIN
    sorts: bool = True


def winner_table(found: Mining) -> str:
    """Those that beat the benchmark, with the gain and what luck leaves of it."""
    columns = [
        Column(found.metric, _of(found.figure), number),
        Column("Gain", _of("gain"), number),
        Column("s.e.", _of("gain_error"), number),
        Column("Sharpe above luck", _of("deflated_sharpe"), chance),
        Column("Gain above luck", _of("deflated_gain"), chance),
        Column("Survives", _of("survives"), lambda value: "yes" if value else "no"),
        Column("~ benchmark", _of("benchmark_correlation"), _three),
        Column("Test: Sharpe", _of("test_sharpe"), number, sorts=False),
        Column("Test: CORR", _of("test_corr"), number, sorts=False),
    ]
    return _table("winners-table", "What beats the benchmark", found.winners, columns)


def best_table(found: Mining) -> str:
    """The benchmark and the best configurations, with sets of columns to choose from."""
    columns = [
        Column(f"{part}: {head}", _of(f"{key}_{name}"), number, kept, key == "validation")
        for part, key, kept in (
            ("Validation", "validation", MAIN),
            ("Test", "test", MAIN),
            ("All", "whole", WHOLE),
        )
        for name, head in HEADS.items()
    ]
    columns += [
        Column("~ benchmark", _of("benchmark_correlation"), _three, WHOLE),
        Column("~ meta model", _of("meta_model_correlation"), _three, WHOLE),
        Column("Target", _of("target"), str, PARAMETERS),
        Column("Features", _of("features"), str, PARAMETERS),
    ]
    names = dict.fromkeys(name for row in found.best for name in row["params"])
    columns += [Column(name, _parameter(name), _plain, PARAMETERS) for name in names]
    rows = [{**found.benchmark, "params": _own(found)}, *found.best]
    return _table("best-table", "The best configurations", rows, columns)


def _own(found: Mining) -> dict[str, Any]:
    """The benchmark's parameters, as its row in the table of scores names them."""
    held = found.benchmark.items()
    return {k.removeprefix("param."): v for k, v in held if k.startswith("param.")}


def _table(name: str, caption: str, rows: Sequence[Row], columns: Sequence[Column]) -> str:
    kept = [c for c in columns if any(c.value(row) is not None for row in rows)]
    heads = "".join(_head(column) for column in kept)
    first = tag("th", text("button", "Configuration", type="button"), scope="col", aria_sort="none")
    body = "".join(_row(row, kept) for row in rows)
    table = scrolling_table(
        tag("tr", first + heads), body, caption, class_="models", id=name, data_sortable="true"
    )
    return _chooser(name, kept) + table


def _chooser(name: str, columns: Sequence[Column]) -> str:
    sets = list(dict.fromkeys(column.set for column in columns))
    if len(sets) < 2:
        return ""
    options = "".join(text("option", one, value=one) for one in sets)
    options += text("option", "All columns", value="")
    select = tag("select", options, data_columns=name)
    return tag("label", tag("span", "Columns") + select, class_="choice above")


def _head(column: Column) -> str:
    if not column.sorts:
        return text("th", column.head, scope="col", data_sets=column.set)
    button = text("button", column.head, type="button")
    return tag("th", button, scope="col", aria_sort="none", data_sets=column.set)


def _row(row: Row, columns: Sequence[Column]) -> str:
    benchmark = bool(row.get("benchmark"))
    below = "benchmark" if benchmark else f"{row['trees']} trees · trial {row['trial']}"
    inner = text("span", str(row["id"])[:SHORT], title=str(row["id"])) + text("small", below)
    name = tag("th", inner, scope="row", data_value=str(row["id"]))
    cells = "".join(_cell(column, row) for column in columns)
    return tag("tr", name + cells, class_="benchmark" if benchmark else None)


def _cell(column: Column, row: Row) -> str:
    value = column.value(row)
    raw = repr(float(value)) if isinstance(value, int | float) else ""
    return tag("td", text("span", column.show(value)), class_="number", data_value=raw)


def _of(name: str) -> Callable[[Row], Any]:
    return lambda row: row.get(name)


def _parameter(name: str) -> Callable[[Row], Any]:
    return lambda row: row["params"].get(name)


def _three(value: float | None) -> str:
    return number(value, 3)


def _plain(value: Any) -> str:
    if value is None:
        return number(None)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
