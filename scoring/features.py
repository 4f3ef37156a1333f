"""FNC and feature exposure of many candidates, with the features of one era at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import DataError
from scoring.blocks import MIN_OVERLAP, MIN_ROWS, as_columns, same_rows
from scoring.eras import EraSlices
from scoring.factor import EraFactor
from scoring.neutral import era_fnc
from scoring.ranks import end_count, ends, sorted_ranks
from scoring.series import divide

Scores = NDArray[np.float64]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Exposure:
    """How strongly M candidates follow single features; NaN where nothing could be measured.

    An exposure is the Pearson correlation, in one era, of a prediction as it is with a feature. A
    feature that is constant in an era has none there.

    Args:
        mean: (M,) mean over eras of the mean over features of the absolute exposure.
        max: (M,) mean over eras of the largest absolute exposure.
        feature: (M,) position of the feature whose absolute exposure is largest in the mean over
            eras, -1 where there is none.
        by_feature: (F, M) mean over eras, with its sign.
        groups: group name to its own `mean` and `max`.
        eras: (M,) eras that were measured.
    """

    mean: Scores
    max: Scores
    feature: Positions
    by_feature: Scores
    groups: Mapping[str, tuple[Scores, Scores]]
    eras: Positions


class FeatureScores:
    """FNC and exposure, fed era by era; holds sums of (F, M) and the features of no era.

    Args:
        columns: M, the candidates.
        neutral: (K,) positions of the features that FNC neutralises to; None for no FNC.
        groups: positions of the features of each group whose exposure is wanted.
    """

    def __init__(
        self,
        columns: int,
        *,
        neutral: Positions | None = None,
        groups: Mapping[str, Positions] | None = None,
    ) -> None:
        self._columns = columns
        self._neutral = neutral
        self._groups = dict(groups or {})
        self._fnc: list[Scores] = []
        self._signed: _Mean | None = None
        self._absolute: _Mean | None = None
        self._levels = [_Mean((2, columns)) for _ in range(1 + len(self._groups))]

    def add(
        self,
        features: NDArray[Any],
        predictions: NDArray[np.floating[Any]],
        target: NDArray[Any] | None = None,
    ) -> None:
        """One more era.

        A candidate's exposure is measured on the rows that it has, where these are at least 10
        and at least four fifths of the era.

        Args:
            features: (n, F) whole numbers or floats; a missing value (NaN) counts as the
                feature's mean in the era.
            predictions: (n, M), NaN where a candidate has no prediction.
            target: (n,), NaN where unresolved; only FNC needs it.

        Raises:
            DataError: shapes that do not fit, or infinite features.
        """
        if np.shape(predictions) != (len(features), self._columns):
            raise DataError(
                "the predictions do not fit the features of the era",
                received=f"shape {np.shape(predictions)}",
                expected=f"({len(features)}, {self._columns})",
            )
        factor = EraFactor(features)
        if self._neutral is not None:
            goal = np.full(len(features), np.nan) if target is None else np.asarray(target)
            neutral = EraFactor(np.ascontiguousarray(features[:, self._neutral]))
            self._fnc.append(era_fnc(neutral, predictions, goal))
        self._measure(_exposures(factor, predictions))

    def fnc(self) -> Scores:
        """The eras' FNC in the order in which they came, (E, M); see `scoring.neutral.fnc`."""
        return np.array(self._fnc).reshape(-1, self._columns)

    def exposure(self) -> Exposure:
        """The exposures over all eras so far.

        Raises:
            DataError: there were none.
        """
        if self._signed is None or self._absolute is None:
            raise DataError("there is no exposure", received="no era")
        sizes = np.nan_to_num(self._absolute.value, nan=-1.0)
        (mean, largest), *groups = (level.value for level in self._levels)
        return Exposure(
            mean=mean,
            max=largest,
            feature=np.where(sizes.max(axis=0) < 0, -1, sizes.argmax(axis=0)),
            by_feature=self._signed.value,
            groups={n: (v[0], v[1]) for n, v in zip(self._groups, groups, strict=True)},
            eras=self._levels[0].counts[0],
        )

    def _measure(self, exposures: Scores) -> None:
        if self._signed is None or self._absolute is None:
            self._signed, self._absolute = _Mean(exposures.shape), _Mean(exposures.shape)
        sizes = np.abs(exposures)
        self._signed.add(exposures)
        self._absolute.add(sizes)
        parts = [sizes, *(sizes[members] for members in self._groups.values())]
        for level, part in zip(self._levels, parts, strict=True):
            level.add(_mean_and_max(part))


class _Mean:
    """A running mean of arrays, each entry over the times that it was not NaN."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._total = np.zeros(shape)
        self.counts = np.zeros(shape, dtype=np.int64)

    def add(self, values: Scores) -> None:
        self._total += np.nan_to_num(values)
        self.counts += ~np.isnan(values)

    @property
    def value(self) -> Scores:
        return divide(self._total, self.counts)


def feature_exposure(
    predictions: NDArray[Any],
    features: NDArray[Any],
    slices: EraSlices,
    groups: Mapping[str, Positions] | None = None,
) -> Exposure:
    """The exposure of each prediction column to each feature, for features held in memory.

    Args:
        predictions: (n,) or (n, M), NaN where a model has no prediction.
        features: (n, F) whole numbers or floats, NaN where missing.
        slices: the eras of the rows.
        groups: as in `FeatureScores`.

    Raises:
        DataError: shapes that do not fit, or infinite features.
    """
    columns = as_columns(predictions, slices)
    scores = FeatureScores(columns.shape[1], groups=groups)
    for span in slices:
        scores.add(features[span], columns[span])
    return scores.exposure()


def max_feature_correlation(
    prediction: NDArray[Any], features: NDArray[Any], *, top_bottom: int | None = None
) -> tuple[int, float]:
    """The feature that a prediction follows most in one era, and how much.

    Source: `numerai_tools.scoring.max_feature_correlation`.

    Args:
        prediction: (n,), finite.
        features: (n, F), finite.
        top_bottom: correlate only the so many highest and as many lowest predictions. Equal
            ones at the edge are taken in row order.

    Returns:
        The feature's position and its absolute Pearson correlation; -1 and NaN where none is
        defined.

    Raises:
        ConfigError: a `top_bottom` below 1.
        DataError: shapes that do not fit, or values that are not finite.
    """
    values, count = np.asarray(prediction, dtype=np.float64), end_count(top_bottom)
    fits = values.ndim == 1 and np.ndim(features) == 2 and len(values) == len(features)
    if not fits or not (np.isfinite(values).all() and np.isfinite(features).all()):
        raise DataError(
            "no correlation of these with each other",
            received=f"shapes {values.shape} and {np.shape(features)}, or a value not finite",
            expected="(rows,) and (rows, features), finite",
        )
    rows = ends(sorted_ranks(values[None])[0], count)[0]
    sizes = np.abs(EraFactor(np.asarray(features)[rows]).exposures(values[rows, None]))[:, 0]
    if len(values) < max(2, 2 * count) or np.isnan(sizes).all():
        return -1, float("nan")
    return int(np.nanargmax(sizes)), float(np.nanmax(sizes))


def _exposures(factor: EraFactor, predictions: NDArray[np.floating[Any]]) -> Scores:
    """Of each feature and column, (F, M)."""
    result = np.full((factor.columns, predictions.shape[1]), np.nan)
    for kept, members in same_rows(~np.isnan(predictions.T)):
        rows = int(kept.sum())
        if rows >= MIN_ROWS and rows >= MIN_OVERLAP * factor.rows:
            part = factor if kept.all() else factor.take(kept)
            result[:, members] = part.exposures(predictions[kept][:, members])
    return result


def _mean_and_max(sizes: Scores) -> Scores:
    """Over features, (2, M) from (F, M)."""
    known = (~np.isnan(sizes)).sum(axis=0)
    mean = divide(np.nansum(sizes, axis=0), known)
    return np.stack((mean, np.fmax.reduce(sizes, axis=0, initial=np.nan)))
