"""Segments: rows told apart, within the era, by named groups of features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.unique.view import EraView, Floats, ranked
from erazoo.errors import ConfigError
from scoring.series import divide

FACTOR, SHARE = 0.03, 1 / 3
_DIGITS = 12


@dataclass(frozen=True)
class Shift:
    """Rows high in one segment are shifted by their rank in another.

    Args:
        high: the group of features whose highest rows are shifted.
        by: the group whose rank they are shifted by.
        factor: what that rank, in (0, 1), is multiplied with; negative ones shift downwards.
        share: of the era's rows, those highest in `high`.
    """

    high: str
    by: str
    factor: float = FACTOR
    share: float = SHARE

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ConfigError(
                "the share of a segment is out of range",
                received=self.share,
                expected="above 0 and below 1",
            )


def segment_scores(features: NDArray[Any]) -> Floats:
    """Where each row of an era stands in a segment: its mean rank in the segment's features.

    Args:
        features: (n, K), NaN where a float feature is missing; it then counts in no mean.

    Returns:
        (n,) in (0, 1), NaN for a row that has none of the features.
    """
    ranks = ranked(features)
    present = ~np.isnan(ranks)
    total, count = np.where(present, ranks, 0.0).sum(axis=1), present.sum(axis=1)
    # Equal means stay equal, whatever the order of their sums.
    return np.round(divide(total, count), _DIGITS)


def displacement(shift: Shift, view: EraView) -> Floats:
    """What a shift adds to each row's prediction, (n,): 0 outside the high segment.

    A row without any feature of either group stays where it is.

    Raises:
        ConfigError: an unknown group.
    """
    high = ranked(segment_scores(view.group(shift.high)))
    by = ranked(segment_scores(view.group(shift.by)))
    moved = (high > 1 - shift.share) & ~np.isnan(by)
    return np.where(moved, shift.factor * by, 0.0)
