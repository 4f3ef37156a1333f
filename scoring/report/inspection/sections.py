"""The sections of an inspection's page."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scoring.report.inspection.figures import (
    gaps_figure,
    groups_figure,
    rows_figure,
    size_figure,
    target_figure,
)
from scoring.report.inspection.results import SHARDS, Column, Inspection
from scoring.report.inspection.words import (
    mean_share,
    meaning,
    spread,
    stretches_text,
    tenths,
    values_text,
)
from scoring.report.markup import (
    DASH,
    breakable,
    count,
    counted,
    scrolling_table,
    size,
    tag,
    text,
)
from scoring.report.sections.base import Section, facts

MEASURES = {"missing": "Missing", "centre": "Centre code", "empty": "Without information"}
_OPEN_ROWS = 24
"""Longer tables are folded away."""
_COLUMN_HEADS = ("Eras", "From", "To", "Rows")


def eras_section(found: Inspection) -> Section:
    """Eras and rows, by split or file, and how training rows are balanced."""
    low, median, high = found.span.rows_an_era
    middle = f", median {count(median)}" if low < high else ""
    items = [
        ("Eras", f"{count(found.span.eras)}, {found.span.first} to {found.span.last}"),
        ("Rows", count(found.span.rows)),
        ("Rows an era", spread(found.span.rows_an_era) + middle),
    ]
    if found.live_rows is not None:
        items.append(("Live rows", count(found.live_rows)))
    if found.storage.get("purge") is not None:
        purge, embargo = found.storage["purge"], found.storage["embargo"]
        items.append(("Purge and embargo", f"{purge} and {embargo} eras"))
    body = facts(items) + _parts(found) + _balance(found)
    return Section("eras", "Eras and rows", body, [rows_figure(found)])


def targets_section(found: Inspection) -> Section:
    """Targets and references, and how the targets are distributed."""
    heads = ("Target", *_COLUMN_HEADS, "Values")
    rows = [[*_column(column), values_text(column)] for column in found.targets]
    body = _table("Targets", heads, rows, numeric=(1, 4), headed=False)
    if found.references:
        rows = [_column(column) for column in found.references]
        body += _table("References", ("Reference", *_COLUMN_HEADS), rows, numeric=(1, 4))
    return Section("targets", "Targets", body, [target_figure(found)])


def features_section(found: Inspection) -> Section:
    """Features, their groups and what was done to them."""
    features = found.features
    items = [("Features", count(features.count)), ("Type", features.dtype)]
    if values := found.storage.get("values"):
        items.append(("Written as", str(values)))
    else:
        code = "NaN" if features.missing_code is None else str(features.missing_code)
        items.append(("Code of missing values", code))
    items.append(("Fingerprint", features.fingerprint))
    return Section("features", "Features", facts(items) + _cleaning(found), [groups_figure(found)])


def gaps_section(found: Inspection) -> Section:
    """Missing values and centre codes, by group."""
    measures = [measure for measure in MEASURES if found.gaps.get(measure)]
    rows = [
        [
            group,
            *(tenths(mean_share(found, measure, group)) for measure in measures),
            stretches_text(found.empty[group][1]) if group in found.empty else DASH,
        ]
        for group in found.features.groups
    ]
    heads = ("Group", *(MEASURES[m] for m in measures), "Eras without information")
    numeric = range(1, len(measures) + 1)
    table = _table("Shares by group", heads, rows, numeric, headed=False)
    body = text("p", meaning(found)) + table
    return Section("gaps", "Missing values", body, [gaps_figure(found)])


def storage_section(found: Inspection) -> Section:
    """Files, how they are written, and their sizes."""
    storage = found.storage
    items = [
        ("Place", found.place),
        ("On disk", size(found.bytes)),
        ("Files of rows", count(storage.get("files"))),
    ]
    if found.kind == SHARDS:
        seed = storage.get("shuffle_seed")
        items += [
            ("Layout", str(storage.get("layout"))),
            ("Codec", str(storage.get("codec"))),
            ("Compression", str(storage.get("compression"))),
            ("Rows a block", count(storage.get("block_rows"))),
            ("Rows of an era", "as they came" if seed is None else f"shuffled, seed {seed}"),
            ("Bytes a row", count(found.bytes / found.span.rows)),
        ]
    return Section("storage", "Storage", facts(items), [size_figure(found)])


def _parts(found: Inspection) -> str:
    what = "Split" if found.kind == SHARDS else "File"
    heads = [what, *_COLUMN_HEADS, "Rows an era", "Files", "Size"]
    if found.trained is not None:
        heads.append("Count in training")
    rows = []
    for name, part in found.parts.items():
        row = [name, count(part.eras), part.first, part.last, count(part.rows)]
        row += [spread(part.rows_an_era), count(part.files), size(part.bytes)]
        rows.append([*row, count(part.trained)][: len(heads)])
    return _table(f"{what}s", heads, rows, numeric=(1, *range(4, 9)))


def _balance(found: Inspection) -> str:
    balance = found.balance
    if balance is None:
        return ""
    cycle = len(balance.weights[0]) > 1
    heads = (
        f"Bin of {balance.target}",
        "Training rows",
        "Weight in each era of a cycle" if cycle else "Weight",
    )
    rows = [
        [f"{value:.3g}", count(n), ", ".join(f"{w:.3g}" for w in weights)]
        for value, n, weights in zip(balance.bins, balance.rows, balance.weights, strict=True)
    ]
    return _table(f"Balance by {balance.mode}", heads, rows, numeric=(1, 2))


def _cleaning(found: Inspection) -> str:
    if not found.cleaning:
        return ""
    heads = ("Group", "Features", "Missing values", "Outliers", "Action", "Indicators")
    rest = "all others" if len(found.cleaning) > 1 else "all"
    rows = [
        [
            *(group.name or rest, count(group.features), group.missing),
            *(group.outliers or DASH, group.action or DASH, count(group.indicators)),
        ]
        for group in found.cleaning
    ]
    return _table("Cleaning", heads, rows, numeric=(1, 5)) + _learned(found)


def _learned(found: Inspection) -> str:
    eras = found.learned_eras
    if not eras:
        return ""
    learned = f"{counted(found.learned_rows, 'row')} of {counted(len(eras), 'training era')}"
    return text("p", f"Learned from {learned}, {eras[0]} to {eras[-1]}.", class_="after")


def _column(column: Column) -> list[str]:
    ends = [column.first or DASH, column.last or DASH]
    return [column.name, count(column.eras), *ends, count(column.rows)]


def _table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Collection[int] = (),
    *,
    headed: bool = True,
) -> str:
    """A headed table; a long one is folded away."""
    head = "".join(
        text("th", name, scope="col", class_="number" if k in numeric else None)
        for k, name in enumerate(heads)
    )
    body = "".join(tag("tr", _cells(row, numeric)) for row in rows)
    table = scrolling_table(tag("tr", head), body, caption)
    if len(rows) <= _OPEN_ROWS:
        return (text("h3", caption) if headed else "") + table
    return tag("details", text("summary", f"{caption}: {count(len(rows))}") + table)


def _cells(row: Sequence[str], numeric: Collection[int]) -> str:
    first = tag("th", breakable(row[0]), scope="row")
    rest = (
        text("td", value, class_="number" if k in numeric else "quiet")
        for k, value in enumerate(row[1:], start=1)
    )
    return first + "".join(rest)
