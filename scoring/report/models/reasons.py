"""Why models are not in the table, those with one reason together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def reasons(rows: Iterable[Mapping[str, Any]]) -> list[tuple[list[str], str]]:
    """The names of the rows without figures, and why, in the order of the rows.

    >>> late = {"status": "not run", "reason": "no time was left"}
    >>> reasons([{"name": "a", "status": "ok"}, {"name": "b", **late}, {"name": "c", **late}])
    [(['b', 'c'], 'not run: no time was left')]
    """
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["status"] != "ok":
            found.setdefault(why(row), []).append(row["name"])
    return [(names, words) for words, names in found.items()]


def why(row: Mapping[str, Any]) -> str:
    """How a model ended and the reason, in one line.

    >>> why({"status": "left out", "reason": "left out by --skip"})
    'left out by --skip'
    """
    status, reason = row["status"], " ".join(str(row["reason"]).split())
    return reason if reason.startswith(status) else f"{status}: {reason}"
