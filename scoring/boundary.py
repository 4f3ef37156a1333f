"""Do scores live on the eras next to training eras? There a purge that is too short leaks.

A training label that reaches past the boundary holds part of the returns of the first scored eras
behind it. A model that knows such labels scores high there and falls back to its true skill
afterwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from scoring.series import as_table, divide
from scoring.summary import json_number

MIN_BLOCKS = 4


@dataclass(frozen=True)
class Boundary:
    """Eras near training boundaries against the rest.

    Args:
        eras: scored eras that are near.
        first: their mean score.
        rest: the mean score of the others.
        standard_error: of `first - rest` where there is no leak, from the spread of the rest.
        chance: probability of such a difference or a larger one where there is no leak.
    """

    eras: int
    first: float
    rest: float
    standard_error: float
    chance: float

    def to_json(self) -> dict[str, float | int | None]:
        """Plain JSON values; NaN becomes None."""
        return {
            "eras": self.eras,
            "first": json_number(self.first),
            "rest": json_number(self.rest),
            "standard_error": json_number(self.standard_error),
            "chance": json_number(self.chance),
        }


def boundary_contrast(scores: NDArray[Any], near: NDArray[np.bool_]) -> tuple[Boundary | None, ...]:
    """Compare the scores near boundaries with the rest.

    Both are cut into blocks as long as the stretches near boundaries are, which is the reach of a
    label, so that the means of blocks hardly depend on each other. The spread of the rest's block
    means tells how far the mean of as many blocks as lie near boundaries may stray (a t-test whose
    variance is that of the rest alone, which a leak does not inflate).

    Args:
        scores: (E,) or (E, M), NaN where an era has no score.
        near: (E,) eras that count as near a boundary.

    Returns:
        One a column; None where fewer than `MIN_BLOCKS` blocks of the rest, or none near a
        boundary, have a score.
    """
    table, stretches = as_table(scores), len(_stretches(near))
    if not stretches:
        return tuple(None for _ in range(table.shape[1]))
    length = max(1, round(int(near.sum()) / stretches))
    first, rest = _block_means(table, near, length), _block_means(table, ~near, length)
    return tuple(
        _contrast(table[:, j], first[:, j], rest[:, j], near) for j in range(table.shape[1])
    )


def _contrast(
    scores: NDArray[np.float64],
    first: NDArray[np.float64],
    rest: NDArray[np.float64],
    near: NDArray[np.bool_],
) -> Boundary | None:
    first, rest = first[~np.isnan(first)], rest[~np.isnan(rest)]
    if not len(first) or len(rest) < MIN_BLOCKS:
        return None
    error = float(rest.std(ddof=1)) * math.sqrt(1 / len(first) + 1 / len(rest))
    gap = float(first.mean() - rest.mean())
    chance = float(stdtr(len(rest) - 1, -gap / error)) if error > 0 else math.nan
    return Boundary(
        eras=int((near & ~np.isnan(scores)).sum()),
        first=float(np.nanmean(scores[near])),
        rest=float(np.nanmean(scores[~near])),
        standard_error=error,
        chance=chance,
    )


def _block_means(
    table: NDArray[np.float64], chosen: NDArray[np.bool_], length: int
) -> NDArray[np.float64]:
    """The mean of each whole block of chosen neighbours, (blocks, M); NaN where none is scored.

    What is left at the end of a stretch joins its last block.
    """
    rows = []
    for begin, end in _stretches(chosen):
        for number in range(max(1, (end - begin) // length)):
            low = begin + number * length
            last = low + 2 * length > end
            part = table[low : end if last else low + length]
            rows.append(divide(np.nansum(part, axis=0), (~np.isnan(part)).sum(axis=0)))
    return np.array(rows) if rows else np.empty((0, table.shape[1]))


def _stretches(chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past the last of each run of chosen neighbours."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], chosen.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
