"""A figure: two sides, their ratio, and the goal that it is judged by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

UNJUDGED = "none"


@dataclass(frozen=True)
class Figure:
    """One measured ratio.

    Args:
        figure: what is measured.
        ours: erazoo's side.
        baseline: the other side.
        unit: of both sides.
        goal: `>= X` or `<= X`, for the ratio; `none` is not judged.
        inverse: the ratio is baseline / ours (for seconds: how many times faster) instead of
            ours / baseline.
        facts: rows, features, threads, processes and the like.
    """

    figure: str
    ours: float
    baseline: float
    unit: str
    goal: str = UNJUDGED
    inverse: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Ours over the baseline, or the inverse."""
        return self.baseline / self.ours if self.inverse else self.ours / self.baseline

    @property
    def holds(self) -> bool | None:
        """Whether the goal is reached; None where nothing is judged."""
        if self.goal == UNJUDGED:
            return None
        sign, _, limit = self.goal.partition(" ")
        return self.ratio >= float(limit) if sign == ">=" else self.ratio <= float(limit)

    def line(self) -> str:
        """One JSON line."""
        value = {**asdict(self), "ratio": round(self.ratio, 4), "holds": self.holds}
        del value["inverse"]
        return json.dumps(value)


def table(figures: Sequence[Figure]) -> str:
    """The figures as a table for people."""
    rows = [("figure", "ours", "baseline", "unit", "ratio", "goal", "holds")]
    words = {True: "yes", False: "NO", None: "-"}
    rows += [
        (
            f.figure,
            f"{f.ours:.4g}",
            f"{f.baseline:.4g}",
            f.unit,
            f"{f.ratio:.3g}",
            f.goal,
            words[f.holds],
        )
        for f in figures
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
