"""An inspection in sentences and in a few numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scoring.report.inspection.results import Column, Inspection
from scoring.report.markup import DASH, count, counted, listing, number
from scoring.report.scores import Notice

_STRETCHES = 4


def in_short(found: Inspection) -> str:
    """What it holds, in two sentences."""
    span, features, learned = found.span, found.features, found.learned
    known = (
        f"{learned.name} has values in {counted(learned.eras, 'era')}"
        f"{'' if found.whole else ' of those read'}, {learned.first} to {learned.last}."
        if learned.eras
        else f"{learned.name} has no value in the eras that were read."
    )
    return (
        f"{counted(span.rows, 'row')} of {counted(span.eras, 'era')}, {span.first} to "
        f"{span.last}, with {counted(features.count, f'{features.dtype} feature')} and "
        f"{counted(len(found.targets), 'target')}. {known}"
    )


def notices(found: Inspection) -> Iterator[Notice]:
    """What a reader should know before believing the figures."""
    if not found.learned.eras:
        yield Notice("warning", f"{found.learned.name} has no value in the eras that were read.")
    if found.empty:
        missing = "is missing or has the code 2" if found.quintiles else "is missing"
        yield Notice("warning", f"{_empty(found)} There, every value {missing}.")
    if not found.whole:
        read = f"{count(len(found.read))} of {count(len(found.eras))} eras ({found.selection})"
        yield Notice("note", f"Values were read in {read}; rows and sizes are those of all.")
    if filled := found.features.filled:
        yield Notice(
            "note",
            f"Missing values of {counted(filled, 'feature')}, if there were any, were filled when "
            "the shards were written; erazoo inspect --data counts them.",
        )


def meaning(found: Inspection) -> str:
    """What the shares by group and era say."""
    words = "Shares are means over the features of a group and the rows that were read. "
    if found.features.filled and any(found.gaps["missing"].values()):
        words += "Of missing values, only features that tell them apart are counted. "
    if not found.quintiles:
        return words + "A feature without information has no value in the whole era."
    words += (
        "Equal quintiles have the centre code in a fifth of their rows. A feature without "
        "information is missing or has the centre code in every row of an era, which is how a "
        "feature that was not yet there is written."
    )
    if found.features.filled and not found.gaps["missing"]:
        words += " Missing values, if there were any, were filled on the way into these shards."
    return words


def _empty(found: Inspection) -> str:
    """Groups without information, those of the same eras together."""
    alike: dict[str, list[str]] = {}
    for group, (_, stretches) in found.empty.items():
        alike.setdefault(stretches_text(stretches), []).append(group)
    shown = [f"{listing(groups)} in {where}" for where, groups in [*alike.items()][:_STRETCHES]]
    more = sum(len(groups) for groups in [*alike.values()][_STRETCHES:])
    rest = f"; {counted(more, 'more group')} in other eras" if more else ""
    return f"Groups without any information: {'; '.join(shown)}{rest}."


def stretches_text(stretches: Sequence[tuple[str, str]]) -> str:
    """Stretches of eras.

    >>> stretches_text([("0001", "0004"), ("0007", "0007")])
    '0001 to 0004, 0007'
    """
    shown = [a if a == b else f"{a} to {b}" for a, b in stretches[:_STRETCHES]]
    more = len(stretches) - len(shown)
    return ", ".join(shown) + (f" and {count(more)} more" if more else "")


def values_text(column: Column) -> str:
    """The values of a target over all eras that were read."""
    if column.bins is None:
        return f"mean {number(column.mean)}, std {number(column.std)}"
    if not column.rows:
        return DASH
    pairs = zip(column.bins, column.counts, strict=True)
    return ", ".join(f"{value:.3g}: {tenths(n / column.rows)}" for value, n in pairs)


def spread(rows: tuple[float, float, float]) -> str:
    """Least and most, or the one number that both are.

    >>> spread((119, 126, 136)), spread((200, 200, 200))
    ('119 to 136', '200')
    """
    low, _, high = (count(n) for n in rows)
    return low if low == high else f"{low} to {high}"


def tenths(share: float | None) -> str:
    """A share in tenths of a per cent.

    >>> tenths(0.0512)
    '5.1 %'
    """
    return DASH if share is None else f"{number(100 * share, 1)} %"


def mean_share(found: Inspection, measure: str, group: str) -> float | None:
    """A share over all rows that were read; None where it is not known."""
    shares = found.gaps.get(measure, {}).get(group)
    if shares is None:
        return None
    of = dict(zip(found.eras, found.rows, strict=True))
    rows = [of[era] for era in found.read]
    return sum(s * n for s, n in zip(shares, rows, strict=True)) / sum(rows)
