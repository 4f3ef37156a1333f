"""Predictions that change with one number, and the figures that a wish is about.

A change is prepared once: what costs (factorising features, ranking segments) is kept as two
columns, and any amount is then a sum of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ensemble.unique.view import EraView, Floats, ranked
from erazoo.errors import DataError
from scoring.corr import cwmm
from scoring.eras import EraSlices
from scoring.features import FeatureScores

Views = Callable[[], Iterable[EraView]]
"""A new pass over the eras that are solved on, in their order."""


class Change(Protocol):
    """A family of predictions of some eras; at 0 they are as they were."""

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest amount."""

    def at(self, amounts: Floats, span: slice) -> Floats:
        """The predictions of an era's rows at each amount, (rows, K) from (K,)."""


@dataclass(frozen=True)
class Mixed:
    """A neutralisation by any proportion: `normal - amount * fit`.

    Args:
        normal: (n,) normal quantiles of the ranks.
        fit: (n,) their least-squares fit on the neutralizers.
    """

    normal: Floats
    fit: Floats
    bounds: tuple[float, float] = (0.0, 1.0)

    def at(self, amounts: Floats, span: slice) -> Floats:
        """See `Change`."""
        return self.normal[span, None] - amounts * self.fit[span, None]


@dataclass(frozen=True)
class Shifted:
    """Segment shifts of any common strength: `ranks + amount * displacement`, clipped.

    Args:
        ranks: (n,) of the predictions within the era.
        displacement: (n,) what the shifts add at strength 1.
        bounds: of the strength.
    """

    ranks: Floats
    displacement: Floats
    bounds: tuple[float, float]

    def at(self, amounts: Floats, span: slice) -> Floats:
        """See `Change`."""
        shifted = self.ranks[span, None] + amounts * self.displacement[span, None]
        return np.clip(shifted, 0.0, 1.0)


@dataclass(frozen=True)
class Path:
    """Blends along a path of weights.

    Args:
        ranks: (M, n) of the members within the era.
        stations: (P, M) weights; between two neighbours they are mixed.
        places: (P,) the amounts at the stations, ascending from -1 to 1.
    """

    ranks: NDArray[np.floating[Any]]
    stations: Floats
    places: Floats
    bounds: tuple[float, float] = (-1.0, 1.0)

    @classmethod
    def onto(cls, ranks: NDArray[np.floating[Any]], start: Floats, frontier: Floats) -> Self:
        """From weights (M,) to the nearest point of a frontier (P, M), and along it.

        Negative amounts lead to its first point, positive ones to its last.
        """
        near = int(np.square(frontier - start).sum(axis=1).argmin())
        back, forth = frontier[: near + 1], frontier[near:]
        before = np.linspace(-1.0, 0.0, len(back) + 1)[:-1]
        after = np.linspace(0.0, 1.0, len(forth) + 1)[1:]
        return cls(ranks, np.vstack((back, start, forth)), np.concatenate((before, [0.0], after)))

    def weights(self, amounts: Floats) -> Floats:
        """The weights at each amount, (K, M)."""
        columns = [np.interp(amounts, self.places, w) for w in self.stations.T]
        return np.stack(columns, axis=1)

    def at(self, amounts: Floats, span: slice) -> Floats:
        """See `Change`."""
        ranks = np.asarray(self.ranks[:, span], dtype=np.float64)
        return np.asarray(ranks.T @ self.weights(amounts).T)


def correlations(
    change: Change, amounts: Floats, reference: NDArray[Any], slices: EraSlices
) -> Floats:
    """Correlation with a reference in each era at each amount, (E, K); see `scoring.corr.cwmm`.

    Args:
        change: of the same rows.
        amounts: (K,).
        reference: (n,), NaN where it has no prediction.
        slices: the eras of the rows.
    """
    rows = []
    for label, span in zip(slices.labels, slices, strict=True):
        era = EraSlices((label,), np.array([0, span.stop - span.start]))
        rows.append(cwmm(change.at(amounts, span), reference[span], era)[0])
    return np.array(rows)


def mean_correlation(
    change: Change, reference: NDArray[Any], slices: EraSlices
) -> Callable[[Floats], Floats]:
    """A measure: the mean over eras of the correlation with a reference.

    Raises:
        DataError: no era has one.
    """
    if not np.isfinite(correlations(change, np.zeros(1), reference, slices)).any():
        raise DataError("no era has a correlation with the reference of the wish")
    return lambda amounts: np.nanmean(correlations(change, amounts, reference, slices), axis=0)


def largest_exposure(
    change: Change, views: Views, slices: EraSlices, group: str
) -> Callable[[Floats], Floats]:
    """A measure: the mean over eras of the largest absolute exposure to the features of a group.

    Every call is a pass over the features.
    """

    def measure(amounts: Floats) -> Floats:
        scores = FeatureScores(len(amounts))
        for view, span in zip(views(), slices, strict=True):
            scores.add(view.group(group), ranked(change.at(amounts, span)))
        return scores.exposure().max

    return measure
