"""The head of an inspection's page: what was looked at, the main figures, what to know."""

from __future__ import annotations

from collections.abc import Iterator

from scoring.report.inspection.results import SHARDS, Inspection
from scoring.report.inspection.words import in_short, mean_share, notices, spread, tenths
from scoring.report.markup import count, counted, size, text
from scoring.report.sections.base import notice_list, tiles

HYPHEN = "\u2011"
"""Keeps a date in one line."""
KINDS = {SHARDS: "shard set", "data": "data set"}


def head(found: Inspection) -> str:
    """The header's inner HTML."""
    parts = [
        text("p", "Inspection", class_="kicker"),
        text("h1", found.name),
        text("p", _subtitle(found), class_="subtitle"),
        text("p", in_short(found), class_="verdict"),
        tiles(_tiles(found), "Main figures"),
        notice_list(notices(found)),
    ]
    return "".join(parts)


def _subtitle(found: Inspection) -> str:
    words = [f"{KINDS.get(found.kind, found.kind)} in {found.place}"]
    if found.alias:
        words.append(f"target stands for {found.alias}")
    words.append(f"features {found.features.fingerprint}")
    return " · ".join(words)


def _tiles(found: Inspection) -> Iterator[tuple[str, str, str]]:
    span, features = found.span, found.features
    ends = f"{span.first} to {span.last}".replace("-", HYPHEN)
    yield "Eras", count(span.eras), ends
    yield "Rows", count(span.rows), f"{spread(span.rows_an_era)} an era"
    groups = counted(len(features.groups), "group")
    yield "Features", count(features.count), f"{features.dtype}, {groups}"
    yield "Targets", count(len(found.targets)), found.target
    for measure, name in (("missing", "Missing"), ("centre", "Centre code")):
        share = mean_share(found, measure, found.whole_group)
        if share is not None:
            yield name, tenths(share), "of the values"
            break
    yield "On disk", size(found.bytes), counted(int(found.storage.get("files", 0)), "file")
