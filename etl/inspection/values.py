"""The values of targets and the rows of references, counted era by era."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etl.balance import MOST_BINS

LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""Quantiles that are taken of targets without bins."""


@dataclass
class _Column:
    """One target: its resolved rows by era, and rows by value, or quantiles where values abound."""

    resolved: list[int] = field(default_factory=list)
    seen: list[dict[float, int] | list[float]] = field(default_factory=list)
    total: float = 0.0
    squares: float = 0.0

    def add(self, values: NDArray[np.float64]) -> None:
        distinct, number = np.unique(values, return_counts=True)
        few = len(distinct) <= MOST_BINS
        self.resolved.append(len(values))
        self.seen.append(_pairs(distinct, number) if few else _quantiles(values))
        self.total += float(values.sum())
        self.squares += float(np.square(values).sum())

    def bins(self) -> list[float] | None:
        """The values it takes, None where they are more than `MOST_BINS`."""
        found: set[float] = set()
        for era in self.seen:
            if isinstance(era, list) or len(found := found | set(era)) > MOST_BINS:
                return None
        return sorted(found)

    def to_json(self, eras: Sequence[str]) -> dict[str, Any]:
        bins = self.bins()
        shared = _span(self.resolved, eras)
        return {**shared, **(self._numbers() if bins is None else self._binned(bins))}

    def _binned(self, bins: list[float]) -> dict[str, Any]:
        counts = [era for era in self.seen if isinstance(era, dict)]
        by_era = [[era.get(value, 0) for value in bins] for era in counts]
        rows = [sum(era[k] for era in by_era) for k in range(len(bins))]
        return {"bins": bins, "rows": rows, "by_era": {"resolved": self.resolved, "rows": by_era}}

    def _numbers(self) -> dict[str, Any]:
        rows = sum(self.resolved)
        mean = self.total / rows
        by_era = [
            era if isinstance(era, list) else _quantiles(np.repeat([*era], [*era.values()]))
            for era in self.seen
        ]
        return {
            "bins": None,
            "mean": _short(mean),
            "std": _short(max(0.0, self.squares / rows - mean**2) ** 0.5),
            "levels": list(LEVELS),
            "by_era": {"resolved": self.resolved, "quantiles": by_era},
        }


class TargetValues:
    """Counts the values of targets.

    A target with at most `MOST_BINS` values over all eras is one of bins, whose rows are counted;
    of others quantiles are taken in each era. Memory: one era, and these few numbers of each.

    Args:
        names: of the targets.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._columns = {name: _Column() for name in names}

    def add(self, targets: NDArray[np.float32]) -> None:
        """Count the targets (n, T) of one whole era; NaN has no value."""
        for j, column in enumerate(self._columns.values()):
            values = targets[:, j].astype(np.float64)
            column.add(values[np.isfinite(values)])

    def to_json(self, eras: Sequence[str]) -> dict[str, dict[str, Any]]:
        """By target: resolved eras and rows, bins or quantiles, over all and by era.

        Args:
            eras: labels, in the order in which the eras were added.
        """
        return {name: column.to_json(eras) for name, column in self._columns.items()}


class Coverage:
    """Counts the rows that have a reference prediction.

    Args:
        names: of the references.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._rows: dict[str, list[int]] = {name: [] for name in names}

    def add(self, references: NDArray[np.float32]) -> None:
        """Count the references (n, R) of one whole era; NaN has none."""
        known = np.isfinite(references).sum(axis=0)
        for rows, number in zip(self._rows.values(), known, strict=True):
            rows.append(int(number))

    def to_json(self, eras: Sequence[str]) -> dict[str, dict[str, Any]]:
        """By reference: the eras in which it stands, and its rows."""
        return {name: _span(rows, eras) for name, rows in self._rows.items()}


def _span(rows: Sequence[int], eras: Sequence[str]) -> dict[str, Any]:
    known = [era for era, number in zip(eras, rows, strict=True) if number]
    return {
        "resolved_eras": len(known),
        "first": known[0] if known else None,
        "last": known[-1] if known else None,
        "resolved_rows": sum(rows),
    }


def _quantiles(values: NDArray[Any]) -> list[float]:
    """The quantiles at `LEVELS`, none of nothing."""
    return [_short(q) for q in np.quantile(values, LEVELS)] if len(values) else []


def _pairs(values: NDArray[np.float64], number: NDArray[Any]) -> dict[float, int]:
    return {_short(v): int(n) for v, n in zip(values, number, strict=True)}


def _short(value: float) -> float:
    """Seven digits, which is what a float32 holds."""
    return float(f"{float(value):.7g}")
