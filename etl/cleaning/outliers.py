"""Outlying values: how they are found and what they are set to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from erazoo.config.schema import CleanRules
from erazoo.panel import QUINTILES
from etl.cleaning.forest import Forest, fit_forest
from etl.cleaning.missing import as_values, missing_mask, number_chunks

TAILS = (0.01, 0.99)
"""Quantiles of training rows that found values are set to by `winsorise`."""


class Detector(Protocol):
    """Finds outlying values in k columns of raw features."""

    def found(self, part: NDArray[Any]) -> NDArray[np.bool_]:
        """Outlying values (n, k); missing ones are none."""

    def rows(self, part: NDArray[Any], share: float) -> NDArray[np.bool_]:
        """Outlying rows (n,): by column, those with a greater share of outlying values."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `detector_of` makes it from again."""


@dataclass(frozen=True)
class Bounds:
    """A value is outlying beyond the bounds of its column.

    Args:
        low: (k,) float64, -inf where nothing is too low.
        high: (k,) float64.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def found(self, part: NDArray[Any]) -> NDArray[np.bool_]:
        """Outlying values (n, k); missing ones are none."""
        if part.dtype != np.int8:
            return np.asarray((part < self.low) | (part > self.high))
        low, high = self._codes
        return np.asarray(((part < low) | (part > high)) & ~missing_mask(part))

    def rows(self, part: NDArray[Any], share: float) -> NDArray[np.bool_]:
        """Rows (n,) with a greater share of outlying values than `share`."""
        return np.asarray(self.found(part).sum(axis=1) > share * part.shape[1])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `detector_of` makes it from again."""
        return {"low": self.low, "high": self.high}

    @cached_property
    def _codes(self) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """The lowest and the highest code that are not outlying."""
        low = np.clip(np.ceil(self.low), 0, QUINTILES).astype(np.int8)
        return low, np.clip(np.floor(self.high), 0, QUINTILES).astype(np.int8)


@dataclass(frozen=True)
class Limits:
    """What outlying values are set to: the nearer end of a range, rounded to a code for quintiles.

    Args:
        floor: (k,) float64.
        ceiling: (k,) float64.
    """

    floor: NDArray[np.float64]
    ceiling: NDArray[np.float64]

    def pull(self, part: NDArray[Any], found: NDArray[np.bool_]) -> None:
        """Move `found` values of `part` (n, k) into the range, in place."""
        low, high = (self._values(end, part.dtype) for end in (self.floor, self.ceiling))
        np.copyto(part, np.clip(part, low, high), where=found)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The two ends."""
        return {"floor": self.floor, "ceiling": self.ceiling}

    @staticmethod
    def _values(end: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
        return as_values(np.clip(end, 0, QUINTILES - 1) if dtype == np.int8 else end, dtype)


def fit_detector(rules: CleanRules, part: NDArray[Any], seed: int) -> Detector | None:
    """What finds outliers in some columns; None where nothing is to be found.

    Args:
        rules: of these columns.
        part: (m, k) raw training rows, with a value in each column.
        seed: of the isolation forest.
    """
    if rules.outliers == "none":
        return None
    if rules.outliers == "isolation_forest":
        return fit_forest(part, rules.threshold, seed)
    bounds = _z_scores if rules.outliers == "zscore" else _quartiles
    pairs = [bounds(x, rules.threshold) for x in number_chunks(part)]
    low, high = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    return Bounds(low, high)


def fit_limits(rules: CleanRules, detector: Detector | None, part: NDArray[Any]) -> Limits | None:
    """What outlying values are set to; None where they stay as they are."""
    if rules.action == "winsorise" and detector is not None:
        ends = [np.nanquantile(x, TAILS, axis=0) for x in number_chunks(part)]
        return Limits(*np.concatenate(ends, axis=1))
    if rules.action == "clip" and isinstance(detector, Bounds):
        return Limits(detector.low, detector.high)
    return None


def detector_of(arrays: Mapping[str, NDArray[Any]]) -> Detector | None:
    """The inverse of `Detector.arrays`."""
    if "low" in arrays:
        return Bounds(arrays["low"], arrays["high"])
    return Forest.of(arrays) if "threshold" in arrays else None


def limits_of(arrays: Mapping[str, NDArray[Any]]) -> Limits | None:
    """The inverse of `Limits.arrays`."""
    return Limits(arrays["floor"], arrays["ceiling"]) if "floor" in arrays else None


def _z_scores(x: NDArray[np.float64], threshold: float) -> tuple[NDArray[Any], NDArray[Any]]:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(x)
    spread = np.where(np.nanmax(x, axis=0) > np.nanmin(x, axis=0), np.sqrt(scaler.var_), 0)
    return _around(scaler.mean_, scaler.mean_, spread * threshold)


def _quartiles(x: NDArray[np.float64], threshold: float) -> tuple[NDArray[Any], NDArray[Any]]:
    first, third = np.nanquantile(x, (0.25, 0.75), axis=0)
    return _around(first, third, (third - first) * threshold)


def _around(
    low: NDArray[Any], high: NDArray[Any], reach: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A reach of 0 would make an outlier of every value but one, so it makes none."""
    wide = np.where(reach > 0, reach, np.inf)
    return low - wide, high + wide
