"""Scores of class probabilities: ranking of each class, sharpness and honesty of the odds.

Probabilities are (n, K), one column a class; labels are (n,) positions of classes. A row whose
label is negative (`class_positions` gives -1 for an unresolved target) or that lacks a probability
is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import DataError

UNRESOLVED = -1
_TOLERANCE = 1e-3
_CLASS_DISTANCE = 1e-6


@dataclass(frozen=True)
class CalibrationBin:
    """Probabilities of one range, and how often what they foretold came true.

    Args:
        predicted: their mean.
        observed: the share of them whose class was the label.
        rows: how many probabilities lie in the range (K a row in all).
    """

    predicted: float
    observed: float
    rows: int


def class_positions(target: NDArray[Any], classes: Sequence[float]) -> NDArray[np.int64]:
    """The position of each target among the classes.

    >>> class_positions(np.array([0.5, np.nan, 0.0]), (0.0, 0.5, 1.0)).tolist()
    [1, -1, 0]

    Args:
        target: (n,), NaN where unresolved.
        classes: (K,) target values in ascending order.

    Returns:
        (n,), -1 where unresolved.

    Raises:
        DataError: classes out of order, or a target that is none of them.
    """
    values, goal = np.asarray(classes, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if values.ndim != 1 or not len(values) or (np.diff(values) <= 0).any():
        raise DataError(
            "classes must be different and ascending", received=", ".join(map(str, classes))
        )
    resolved = ~np.isnan(goal)
    positions = np.abs(goal[:, None] - values).argmin(axis=1)
    foreign = resolved & (np.abs(goal - values[positions]) > _CLASS_DISTANCE)
    if foreign.any():
        raise DataError(
            "a target is none of the classes",
            received=f"{goal[foreign][0]:g}",
            expected=", ".join(f"{value:g}" for value in values),
        )
    return np.where(resolved, positions, UNRESOLVED)


def average_precision(probabilities: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    """Average precision of each class against the rest.

    sum over thresholds of (recall - the recall before) * precision, equal probabilities together.
    Source: `sklearn.metrics.average_precision_score`.

    Returns:
        (K,), NaN for a class that no row has.

    Raises:
        DataError: shapes or values that are no probabilities, or no row to score.
    """
    chances, found = _scored(probabilities, labels)
    order = np.argsort(-chances, axis=0, kind="stable")
    ranked = np.take_along_axis(chances, order, axis=0)
    hits = found[order] == np.arange(chances.shape[1])
    place = np.arange(len(ranked))[:, None]
    last = np.vstack((ranked[1:] < ranked[:-1], np.ones((1, ranked.shape[1]), dtype=bool)))
    ends = np.minimum.accumulate(np.where(last, place, len(ranked))[::-1], axis=0)[::-1]
    precision = np.take_along_axis(np.cumsum(hits, axis=0), ends, axis=0) / (ends + 1)
    total = hits.sum(axis=0)
    result = np.full(len(total), np.nan)
    np.divide((precision * hits).sum(axis=0), total, out=result, where=total > 0)
    return result


def macro_average_precision(probabilities: NDArray[Any], labels: NDArray[Any]) -> float:
    """The mean of `average_precision` over the classes that occur."""
    return float(np.nanmean(average_precision(probabilities, labels)))


def log_loss(probabilities: NDArray[Any], labels: NDArray[Any]) -> float:
    """The mean of -ln p(label), p no less than the rounding unit of its type.

    Source: `sklearn.metrics.log_loss`.

    Raises:
        DataError: as `average_precision`.
    """
    chances, found = _scored(probabilities, labels)
    given = np.take_along_axis(chances, found[:, None], axis=1)
    least = np.finfo(chances.dtype).eps
    return float(-np.log(np.clip(given, least, 1 - least), dtype=np.float64).mean())


def brier(probabilities: NDArray[Any], labels: NDArray[Any]) -> float:
    """The mean over rows of sum_k (p_k - [label is k])^2: 0 is perfect, 2 the worst.

    Source: Brier, Monthly Weather Review 78, 1950, in its original form, which with two classes
    is twice the binary one; `sklearn.metrics.brier_score_loss` with `scale_by_half=False`.

    Raises:
        DataError: as `average_precision`.
    """
    chances, found = _scored(probabilities, labels)
    outcome = found[:, None] == np.arange(chances.shape[1])
    return float(np.square(chances - outcome, dtype=np.float64).sum(axis=1).mean())


def calibration(
    probabilities: NDArray[Any], labels: NDArray[Any], bins: int = 10
) -> tuple[CalibrationBin, ...]:
    """Predicted against observed frequencies, over the probabilities of all classes together.

    Ranges are of equal width, open below and closed above, the first one closed; empty ones are
    left out. Source: `sklearn.calibration.calibration_curve` of one-hot labels.

    Raises:
        DataError: as `average_precision`.
    """
    chances, found = _scored(probabilities, labels)
    outcome = (found[:, None] == np.arange(chances.shape[1])).ravel()
    flat = chances.ravel().astype(np.float64)
    places = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], flat)
    rows = np.bincount(places, minlength=bins)
    predicted = np.bincount(places, weights=flat, minlength=bins)
    observed = np.bincount(places, weights=outcome, minlength=bins)
    return tuple(
        CalibrationBin(float(predicted[k] / rows[k]), float(observed[k] / rows[k]), int(rows[k]))
        for k in np.flatnonzero(rows)
    )


def _scored(
    probabilities: NDArray[Any], labels: NDArray[Any]
) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64]]:
    """The rows that count, checked: (r, K) probabilities and (r,) labels."""
    chances, found = np.asarray(probabilities), np.asarray(labels)
    if chances.dtype not in (np.float32, np.float64):
        chances = chances.astype(np.float64)
    if chances.ndim != 2 or chances.shape[1] < 2 or found.shape != chances.shape[:1]:
        raise DataError(
            "class probabilities do not fit the labels",
            received=f"shapes {chances.shape} and {found.shape}",
            expected="(rows, classes) with two classes or more, and one label a row",
        )
    kept = (found >= 0) & ~np.isnan(chances).any(axis=1)
    chances, found = chances[kept], found[kept].astype(np.int64)
    if not len(found) or found.max() >= chances.shape[1]:
        raise DataError(
            "class probabilities cannot be scored",
            received=f"label {found.max()}" if len(found) else "no row with label and prediction",
            expected=f"labels 0 to {chances.shape[1] - 1}",
        )
    sums = chances.sum(axis=1, dtype=np.float64)
    wrong = (chances < 0).any(axis=1) | (np.abs(sums - 1) > _TOLERANCE)
    if wrong.any():
        raise DataError(
            "class probabilities are no probabilities",
            received=", ".join(f"{chance:g}" for chance in chances[wrong][0]),
            expected="no negative number, and a sum of 1 in each row",
        )
    return chances, found
