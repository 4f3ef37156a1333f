"""Per-era scores in sum. Eras without a score (NaN) are left out of every figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Summary:
    """One candidate's per-era scores in sum; NaN where a figure is undefined.

    Args:
        mean: the mean over eras.
        std: the standard deviation over eras, ddof 0.
        sharpe: mean / std, not annualised.
        drawdown: the deepest fall of the cumulative score below its running maximum, >= 0.
        hit_rate: the share of eras with a score above 0.
        standard_error: of the mean, allowing for overlapping labels where an overlap was given.
        eras: the number of eras with a score.
    """

    mean: float
    std: float
    sharpe: float
    drawdown: float
    hit_rate: float
    standard_error: float
    eras: int

    def to_json(self) -> dict[str, float | int | None]:
        """Plain JSON values; NaN becomes None."""
        return {name: json_number(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Summary:
        """The inverse of `to_json`; a figure that is absent or null becomes NaN."""
        names = ("mean", "std", "sharpe", "drawdown", "hit_rate", "standard_error")
        figures = {n: math.nan if value.get(n) is None else float(value[n]) for n in names}
        return cls(**figures, eras=int(value.get("eras") or 0))


def json_number(value: float | int) -> float | int | None:
    """A JSON number, None for NaN and infinity."""
    return value if math.isfinite(value) else None


def summarise(scores: NDArray[Any], overlap: int = 0) -> tuple[Summary, ...]:
    """The summary of each column of per-era scores.

    Args:
        scores: (E,) or (E, M), NaN where an era has no score.
        overlap: eras that a label reaches past its own; see `standard_error`.

    Returns:
        One summary a column.
    """
    table = _table(scores)
    figures = {
        "mean": mean(table),
        "std": std(table),
        "sharpe": sharpe(table),
        "drawdown": drawdown(table),
        "hit_rate": hit_rate(table),
        "standard_error": standard_error(table, overlap),
    }
    counts = _counts(table)
    return tuple(
        Summary(**{name: float(values[j]) for name, values in figures.items()}, eras=int(counts[j]))
        for j in range(table.shape[1])
    )


def mean(scores: NDArray[Any]) -> NDArray[np.float64]:
    """The mean over eras, (M,) from (E, M)."""
    table = _table(scores)
    return _divide(np.nansum(table, axis=0), _counts(table))


def std(scores: NDArray[Any], ddof: int = 0) -> NDArray[np.float64]:
    """The standard deviation over eras, (M,) from (E, M)."""
    table = _table(scores)
    squares = np.nansum((table - mean(table)) ** 2, axis=0)
    return np.sqrt(_divide(squares, _counts(table) - ddof))


def sharpe(scores: NDArray[Any]) -> NDArray[np.float64]:
    """The mean over std (ddof 0), not annualised; NaN where the scores do not vary."""
    table = _table(scores)
    spread = np.where(np.nanmax(table, axis=0, initial=-np.inf) > _lowest(table), std(table), 0)
    return _divide(mean(table), spread)


def drawdown(scores: NDArray[Any]) -> NDArray[np.float64]:
    """max(cummax(cumsum) - cumsum) over eras, the running maximum starting at the first era."""
    table = _table(scores)
    total = np.nancumsum(table, axis=0)
    seen = np.cumsum(~np.isnan(table), axis=0) > 0
    peak = np.maximum.accumulate(np.where(seen, total, -np.inf), axis=0)
    falls = np.where(seen, peak - total, 0.0)
    return np.where(seen.any(axis=0), falls.max(axis=0, initial=0.0), np.nan)


def hit_rate(scores: NDArray[Any]) -> NDArray[np.float64]:
    """The share of eras with a score above 0."""
    table = _table(scores)
    return _divide((table > 0).sum(axis=0), _counts(table))


def standard_error(scores: NDArray[Any], overlap: int = 0) -> NDArray[np.float64]:
    """Standard error of the mean over eras.

    Without overlap this is std (ddof 1) / sqrt(eras). Labels that reach `overlap` eras past their
    own make neighbouring scores alike and the plain error too small; then the covariances of the
    first `overlap` lags join with falling weights 1 - lag / (overlap + 1) (Newey and West, 1987).

    Args:
        scores: (E,) or (E, M), consecutive eras.
        overlap: lags that join.

    Returns:
        (M,), NaN with fewer than two eras.
    """
    table = _table(scores)
    counts = _counts(table)
    centred = np.nan_to_num(table - mean(table))
    variance = np.einsum("ij,ij->j", centred, centred)
    for lag in range(1, min(overlap, len(table) - 1) + 1):
        products = np.einsum("ij,ij->j", centred[lag:], centred[:-lag])
        variance = variance + 2 * (1 - lag / (overlap + 1)) * products
    # The weights keep the sum non-negative up to rounding.
    errors = np.sqrt(_divide(np.maximum(variance, 0.0), counts * (counts - 1)))
    return np.asarray(errors, dtype=np.float64)


def _table(scores: NDArray[Any]) -> NDArray[np.float64]:
    array = np.asarray(scores, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array


def _counts(table: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray((~np.isnan(table)).sum(axis=0), dtype=np.int64)


def _lowest(table: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.nanmin(table, axis=0, initial=np.inf), dtype=np.float64)


def _divide(above: NDArray[Any], below: NDArray[Any]) -> NDArray[np.float64]:
    result = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=result, where=np.asarray(below) > 0)
    return result
