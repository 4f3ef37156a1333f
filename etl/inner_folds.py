"""Folds within training eras, for models that cross-validate themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from erazoo.eras import EraAxis
from erazoo.errors import LeakageError

FEWEST = 2


def purged_folds(axis: EraAxis, eras: Sequence[str], folds: int, purge: int) -> dict[str, int]:
    """A fold for each era: stretches of neighbours with a gap between them.

    A learner that takes a column of folds trains on every row outside the one that it validates
    on, and can leave out none by fold. So the last eras before each border, those within `purge`
    positions of the next stretch, are in no fold at all. Where the eras are too few for that,
    there are fewer folds.

    >>> axis = EraAxis(tuple("12345678"))
    >>> purged_folds(axis, axis.eras, folds=2, purge=2)
    {'1': 0, '2': 0, '5': 1, '6': 1, '7': 1, '8': 1}

    Args:
        axis: the whole sequence of eras, in which the purge is counted.
        eras: to be divided, in order.
        folds: at most.
        purge: eras that a label may touch on either side.

    Returns:
        The fold of each era that is kept, from 0.

    Raises:
        LeakageError: the eras are too few for two folds.
    """
    for count in range(folds, FEWEST - 1, -1):
        found = _cut(axis, tuple(eras), count, purge)
        if len(set(found.values())) == count:
            return found
    raise LeakageError(
        "the training eras are too few for folds within them",
        received=f"{len(eras)} eras, purge {purge}",
        expected=f"{FEWEST} stretches more than {purge} eras apart",
        hint="Use more eras",
    )


def _cut(axis: EraAxis, eras: tuple[str, ...], count: int, purge: int) -> dict[str, int]:
    edges = [round(k * len(eras) / count) for k in range(count + 1)]
    found = {}
    for fold, (low, high) in enumerate(pairwise(edges)):
        border = axis.position(eras[high]) - purge if high < len(eras) else math.inf
        found.update({era: fold for era in eras[low:high] if axis.position(era) < border})
    return found
