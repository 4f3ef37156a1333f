"""An inspection as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from erazoo.commands.table import table
from scoring.report.inspection.results import SHARDS, Column, Inspection
from scoring.report.inspection.words import (
    in_short,
    mean_share,
    notices,
    spread,
    stretches_text,
    tenths,
    values_text,
)
from scoring.report.markup import DASH, MINUS, THIN_SPACE, size

STRETCHES = 12
"""Lines of the table of eras, unless every era is wanted."""
MOST_PARTS = 8
MEASURES = {"missing": "missing", "centre": "centre code", "empty": "no information"}


def inspection_text(found: Inspection, place: str, *, by_era: bool = False) -> str:
    """Everything as tables, era by era or in a dozen stretches of eras.

    Args:
        found: what was found.
        place: where, as a reader finds it from here.
        by_era: whether every era has a line.
    """
    parts = [
        _head(found, place),
        _splits(found),
        _columns(found),
        _groups(found),
        _eras(found, by_era),
    ]
    return _plain("\n\n".join([*parts, _storage(found)]))


def _head(found: Inspection, place: str) -> str:
    kind = "shard set" if found.kind == SHARDS else "data set"
    lines = [f"{found.name}: {kind} in {place}", in_short(found)]
    return "\n".join([*lines, *(f"{n.level}: {n.words}" for n in notices(found))])


def _splits(found: Inspection) -> str:
    heads = ["split" if found.kind == SHARDS else "file"]
    heads += ["eras", "first", "last", "rows", "rows an era", "files", "size"]
    if found.trained is not None:
        heads.append("in training")
    rows = [
        [
            *(name, part.eras, part.first, part.last, part.rows, spread(part.rows_an_era)),
            *(part.files, size(part.bytes), part.trained),
        ][: len(heads)]
        for name, part in found.parts.items()
    ]
    return table(heads, rows)


def _columns(found: Inspection) -> str:
    heads = ["target", "eras", "first", "last", "rows", "values"]
    rows = [[*_span(column), values_text(column)] for column in found.targets]
    parts = [table(heads, rows)]
    if found.references:
        parts.append(table(["reference", *heads[1:5]], map(_span, found.references)))
    parts.append(f"alias: target = {found.alias or 'none'}")
    return "\n\n".join(parts)


def _span(column: Column) -> list[object]:
    return [column.name, column.eras, column.first, column.last, column.rows]


def _groups(found: Inspection) -> str:
    known = [measure for measure in MEASURES if found.gaps.get(measure)]
    heads = ["group", "features", *(MEASURES[m] for m in known), "eras without information"]
    rows = [
        [
            *(name, number),
            *(tenths(mean_share(found, measure, name)) for measure in known),
            stretches_text(found.empty[name][1]) if name in found.empty else None,
        ]
        for name, number in found.features.groups.items()
    ]
    return table(heads, rows)


def _eras(found: Inspection, by_era: bool) -> str:
    """Stretches of eras: rows, shares of the learned target's values, shares of gaps."""
    length = 1 if by_era else -(-len(found.read) // STRETCHES)
    learned, group = found.learned, found.whole_group
    known = [measure for measure in MEASURES if group in found.gaps.get(measure, {})]
    values = [f"{value:.3g}" for value in learned.bins or ()] or [
        f"q{100 * level:.0f}" for level in learned.levels
    ]
    parted = len(found.parts) <= MOST_PARTS
    heads = ["eras", "split" if found.kind == SHARDS else "file", "rows", "with a value"]
    heads += [*values, *(MEASURES[m] for m in known)]
    rows = [
        _stretch(found, range(low, min(low + length, len(found.read))), known)
        for low in range(0, len(found.read), length)
    ]
    if not parted:
        rows = [[row[0], *row[2:]] for row in rows]
        heads.pop(1)
    shown = "shares of" if learned.bins else "mean quantiles of"
    title = f"by era, {shown} {learned.name}, gaps over all features"
    if length > 1:
        title += f" (stretches of {length} eras; --by-era prints every one)"
    return "\n".join([title, table(heads, rows)])


def _stretch(found: Inspection, where: range, known: Sequence[str]) -> list[object]:
    eras = [found.read[k] for k in where]
    place = {era: k for k, era in enumerate(found.eras)}
    of = [place[era] for era in eras]
    rows = [found.rows[k] for k in of]
    label = eras[0] if len(eras) == 1 else f"{eras[0]} to {eras[-1]}"
    parts = " ".join(dict.fromkeys(found.part[k] for k in of))
    resolved = sum(found.learned.resolved[k] for k in where)
    gaps = []
    for measure in known:
        shares = [found.gaps[measure][found.whole_group][k] for k in where]
        gaps.append(tenths(sum(s * n for s, n in zip(shares, rows, strict=True)) / sum(rows)))
    return [label, parts, sum(rows), resolved, *_values(found.learned, where, resolved), *gaps]


def _values(learned: Column, where: range, resolved: int) -> Iterator[object]:
    """Shares of bins, or quantiles averaged over eras, as far as there are values."""
    if learned.bins is not None:
        for k in range(len(learned.bins)):
            rows = sum(learned.counts_by_era[era][k] for era in where)
            yield tenths(rows / resolved) if resolved else None
        return
    eras = [learned.quantiles[era] for era in where if learned.quantiles[era]]
    for k in range(len(learned.levels)):
        yield sum(era[k] for era in eras) / len(eras) if eras else None


def _storage(found: Inspection) -> str:
    held = {k.replace("_", " "): v for k, v in found.storage.items() if v is not None}
    facts = [f"{name} {value}" for name, value in held.items()]
    if found.live_rows is not None:
        facts.append(f"live rows {found.live_rows}")
    if found.balance:
        facts.append(f"balance by {found.balance.mode}")
    if found.cleaning:
        rules = dict.fromkeys(group.missing for group in found.cleaning)
        facts.append(f"missing values {', '.join(rules)}")
    return f"{size(found.bytes)}: {', '.join(facts)}; features {found.features.fingerprint}"


def _plain(text: str) -> str:
    """The text in characters that every terminal and every other command understands."""
    return text.replace(THIN_SPACE, ",").replace(MINUS, "-").replace(DASH, "-")
