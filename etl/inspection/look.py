"""What is known of a panel before its values are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from erazoo.panel import Panel
from etl.inspection.gaps import Marks


@dataclass(frozen=True)
class Look:
    """A panel and what is known of it at once.

    Args:
        panel: its eras are read one by one.
        rows_of: rows by era, in order.
        part_of: the split or the file that each era lies in.
        files_of: files of rows, by split or file, in the order in which these are shown.
        bytes_of: their bytes on disk.
        marks: how missing values are told apart in its blocks.
        trained: by era, rows that count in training; None where all do.
        facts: all else, as plain values.
    """

    panel: Panel
    rows_of: Mapping[str, int]
    part_of: Mapping[str, str]
    files_of: Mapping[str, int]
    bytes_of: Mapping[str, int]
    marks: Marks
    trained: Mapping[str, int] | None
    facts: Mapping[str, Any]

    def span(self, eras: Sequence[str]) -> dict[str, Any]:
        """How many eras, from which to which, and their rows: least, median and most."""
        rows = [self.rows_of[era] for era in eras]
        return {
            "eras": len(eras),
            "first": eras[0],
            "last": eras[-1],
            "rows": sum(rows),
            "rows_an_era": [min(rows), median(rows), max(rows)],
        }

    def parts(self) -> dict[str, dict[str, Any]]:
        """By split or file: its eras, rows, files and bytes."""
        members: dict[str, list[str]] = {part: [] for part in self.files_of}
        for era, part in self.part_of.items():
            members[part].append(era)
        parts = {part: self.span(eras) for part, eras in members.items()}
        for part, eras in members.items():
            parts[part]["files"] = self.files_of[part]
            parts[part]["bytes"] = self.bytes_of[part]
            if self.trained is not None:
                parts[part]["trained"] = sum(self.trained[era] for era in eras)
        return parts
