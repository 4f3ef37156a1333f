"""What members of an ensemble lack of one another's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from erazoo.errors import DataError


@dataclass(frozen=True)
class Missing:
    """What is missing, by member and era.

    Args:
        rows: of the pool.
        dropped: rows that some member has and another lacks.
        lacking: by member and era, how many rows of others it lacks; complete eras and members
            are left out.
        outside: by member, its rows in eras that are not pooled.
        unknown: by member, its rows in pooled eras whose id the data do not know.
    """

    rows: int = 0
    dropped: int = 0
    lacking: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    outside: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "rows": self.rows,
            "dropped": self.dropped,
            "lacking": {name: dict(eras) for name, eras in self.lacking.items()},
            "outside": dict(self.outside),
            "unknown": dict(self.unknown),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Missing:
        """The inverse of `to_json`."""
        return cls(**value)

    def lines(self) -> list[str]:
        """The report, a line each; nothing where nothing is missing."""
        lines = []
        for name, eras in self.lacking.items():
            first, *_, last = [*eras, *eras]
            where = f"era {first}" if first == last else f"{len(eras)} eras, {first} to {last}"
            lines.append(f"{name} lacks {sum(eras.values())} rows of others in {where}")
        lines += [
            f"{n} has {k} rows whose id the data do not know" for n, k in self.unknown.items()
        ]
        lines += [f"{n} has {k} rows in eras that are not pooled" for n, k in self.outside.items()]
        return lines

    def refuse(self) -> None:
        """Raise where members do not cover the same rows.

        Raises:
            DataError: with the report.
        """
        if self.dropped or self.unknown:
            kept = [line for line in self.lines() if "not pooled" not in line]
            raise DataError(
                "the members of the ensemble cover different rows",
                received="; ".join(kept),
                expected="every member in every row",
                hint="Train them on the same folds and data, or drop rows that one of them lacks "
                "with ensemble.missing = 'drop'",
            )
