"""Plain aligned tables, the same on a terminal and in a pipe."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDTH = 100
"""Columns of a terminal that tables and words keep to."""


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as their widest cell, numbers to the right and None as a dash.

    >>> print(table(["model", "corr"], [["mlp", 0.03125], ["ridge", None]]))
    model    corr
    mlp    0.0312
    ridge       -
    """
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [_numeric(column[1:]) for column in zip(*cells, strict=True)]
    return "\n".join(_line(row, widths, right) for row in cells)


def fitting(
    header: Sequence[str], rows: Iterable[Sequence[object]], spare: Iterable[str], width: int
) -> str:
    """A table without those columns that it has no room for.

    Args:
        header: heads of all columns, each another.
        rows: cells.
        spare: heads of columns that may be left out, the first ones first.
        width: columns of the terminal.

    >>> print(fitting(["name", "corr", "drawdown"], [["mlp", 0.03, 0.1]], ["drawdown"], 12))
    name    corr
    mlp   0.0300
    """
    lines: list[list[Any]] = [list(header), *map(list, rows)]
    shown = table(lines[0], lines[1:])
    for head in spare:
        if max(map(len, shown.splitlines())) <= width:
            break
        place = lines[0].index(head)
        for line in lines:
            del line[place]
        shown = table(lines[0], lines[1:])
    return shown


def facts(title: str, values: Mapping[str, object]) -> str:
    """A title and, below it, the plain values of a result, one a line; nested ones are left out.

    >>> print(facts("done", {"rows": 120, "per_era": [1, 2]}))
    done
      rows  120
    """
    plain = {
        key.replace("_", " "): value
        for key, value in values.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }
    width = max(map(len, plain), default=0)
    lines = [f"  {name.ljust(width)}  {_cell(value)}" for name, value in plain.items()]
    return "\n".join([title, *lines])


def wrapped(line: str) -> str:
    """Words that stand below a table, in lines of at most `WIDTH`; names are not broken."""
    return textwrap.fill(line, WIDTH, subsequent_indent="    ", break_on_hyphens=False)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:z.4f}" if isinstance(value, float) else str(value)


def _numeric(column: Sequence[str]) -> bool:
    filled = [text for text in column if text not in ("-", "")]
    return bool(filled) and all(_number(text) for text in filled)


def _number(text: str) -> bool:
    return text.removesuffix(" %").lstrip("-+").replace(".", "", 1).isdigit()


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        text.rjust(width) if numeric else text.ljust(width)
        for text, width, numeric in zip(row, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()
