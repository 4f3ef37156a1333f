"""Per-era scores in sum. Eras without a score (NaN) are left out of every figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring import series
from scoring.bootstrap import mean_interval

LAST_ERAS = 52
"""Newest eras of `Summary.last`: a year where an era is a week."""
_PLACES = ("drawdown_start", "worst_era")
_COUNTS = ("drawdown_eras", "last_eras", "eras")


@dataclass(frozen=True)
class Summary:
    """One candidate's per-era scores in sum; NaN where a figure is undefined.

    Args:
        mean: the mean over eras.
        std: the standard deviation over eras, ddof 0.
        sharpe: mean / std, not annualised.
        smart_sharpe: Sharpe with a penalty for autocorrelation; see `series.smart_sharpe`.
        standard_error: of the mean, allowing for overlapping labels where an overlap was given.
        t: mean / standard_error.
        low: lower end of the 95 % block-bootstrap interval of the mean; NaN where not asked for.
        high: its upper end.
        drawdown: the deepest fall of the cumulative score below its running maximum, >= 0.
        drawdown_start: position of the peak that it fell from, None without a fall.
        drawdown_eras: eras from the peak until the sum is back at it, or to the last score.
        hit_rate: the share of eras with a score above 0.
        worst: the lowest score.
        worst_era: position of the first era that has it.
        last: the mean of the newest scores.
        last_eras: how many these are.
        autocorrelation: of the scores with their neighbours, lag 1.
        eras: the number of eras with a score.
    """

    mean: float
    std: float
    sharpe: float
    smart_sharpe: float
    standard_error: float
    t: float
    low: float
    high: float
    drawdown: float
    drawdown_start: int | None
    drawdown_eras: int
    hit_rate: float
    worst: float
    worst_era: int | None
    last: float
    last_eras: int
    autocorrelation: float
    eras: int

    def to_json(self) -> dict[str, float | int | None]:
        """Plain JSON values; NaN becomes None."""
        return {
            name: None if value is None else json_number(value)
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Summary:
        """The inverse of `to_json`; an absent figure is NaN, place None or count 0."""
        figures: dict[str, Any] = {f.name: _read(f.name, value) for f in fields(cls)}
        return cls(**figures)


def json_number(value: float | int) -> float | int | None:
    """A JSON number, None for NaN and infinity."""
    return value if math.isfinite(value) else None


def summarise(
    scores: NDArray[Any],
    overlap: int = 0,
    last: int = LAST_ERAS,
    bootstrap: int = 0,
    seed: int = 0,
) -> tuple[Summary, ...]:
    """The summary of each column of per-era scores.

    Args:
        scores: (E,) or (E, M), NaN where an era has no score.
        overlap: eras that a label reaches past its own; see `series.standard_error`.
        last: newest eras of `Summary.last`.
        bootstrap: resamples of the interval of the mean; 0 leaves `low` and `high` NaN, which is
            right for thousands of columns.
        seed: of the resamples; the same for all columns.

    Returns:
        One summary a column.
    """
    table = series.as_table(scores)
    mean, error = series.mean(table), series.standard_error(table, overlap)
    low, high = mean_interval(table, overlap, resamples=bootstrap, seed=seed)
    falls = series.drawdowns(table)
    worst, worst_era = series.worst(table)
    counts = series.counts(table)
    columns: dict[str, NDArray[Any]] = {
        "mean": mean,
        "std": series.std(table),
        "sharpe": series.sharpe(table),
        "smart_sharpe": series.smart_sharpe(table),
        "standard_error": error,
        "t": series.divide(mean, error),
        "low": low,
        "high": high,
        "drawdown": falls.depth,
        "drawdown_start": falls.start,
        "drawdown_eras": falls.eras,
        "hit_rate": series.hit_rate(table),
        "worst": worst,
        "worst_era": worst_era,
        "last": series.last_mean(table, last),
        "last_eras": np.minimum(counts, last),
        "autocorrelation": series.autocorrelation(table),
        "eras": counts,
    }
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return tuple(_summary(dict(zip(columns, row, strict=True))) for row in rows)


def _summary(figures: dict[str, Any]) -> Summary:
    places = {name: None if figures[name] < 0 else figures[name] for name in _PLACES}
    return Summary(**{**figures, **places})


def _read(name: str, value: Mapping[str, Any]) -> float | int | None:
    found = value.get(name)
    if name in _PLACES:
        return None if found is None else int(found)
    if name in _COUNTS:
        return int(found or 0)
    return math.nan if found is None else float(found)
