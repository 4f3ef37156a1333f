"""The comparison of models as files: JSON, CSV, Markdown and a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from erazoo.publish import write_json, write_text
from scoring.report.models.columns import COLUMNS, Column, Row
from scoring.report.models.page import OK, basis, build_page, thinning
from scoring.report.models.reasons import reasons

NAME = "comparison"
FACTS = ("name", "model", "category", "family", "preset", "status", "reason", "best")


def write_models(comparison: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write `comparison.json`, `.csv`, `.md` and `.html`.

    Args:
        comparison: the content of `comparison.json`.
        folder: takes the files.

    Returns:
        The files.
    """
    paths = [folder / f"{NAME}.{suffix}" for suffix in ("json", "csv", "md", "html")]
    write_json(paths[0], comparison)
    write_text(paths[1], as_csv(comparison["rows"]))
    write_text(paths[2], as_markdown(comparison))
    write_text(paths[3], build_page(comparison))
    return paths


def as_csv(rows: Sequence[Row]) -> str:
    """A line a row with every figure in full, empty where there is none."""
    stream = io.StringIO()
    heads = [*FACTS, *(column.key for column in COLUMNS)]
    writer = csv.DictWriter(stream, heads, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def as_markdown(comparison: Mapping[str, Any]) -> str:
    """A table of the models that finished, best of each category in bold, and the others below."""
    rows = comparison["rows"]
    good = [row for row in rows if row["status"] == OK]
    columns = [c for c in COLUMNS if any(c.value(row) is not None for row in good)]
    heads = ["Model", "Category", *(column.head for column in columns)]
    rule = ["---", "---", *["---:"] * len(columns)]
    lines = [_line(heads), _line(rule), *(_line(_cells(row, columns)) for row in good)]
    others = [f"- {_plain(', '.join(names))}: {_plain(words)}" for names, words in reasons(rows)]
    notes = [f"{basis(comparison)}. Bold: the best of its category.", thinning(comparison)]
    parts = [f"# Comparison of models: {_plain(comparison['run'])}", *filter(None, notes)]
    parts.append("\n".join(lines))
    if others:
        parts.append("Not in the table:\n\n" + "\n".join(others))
    return "\n\n".join(parts) + "\n"


def _cells(row: Row, columns: Sequence[Column]) -> list[str]:
    name = _plain(row["name"])
    shown = f"**{name}**" if row.get("best") else name
    return [shown, row["category"], *(column.show(column.value(row)) for column in columns)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(words: str) -> str:
    """Text that no reader of Markdown takes for marks."""
    flat = " ".join(words.split())
    return "".join(f"\\{c}" if c in "\\`*_|<>[]" else c for c in flat)
