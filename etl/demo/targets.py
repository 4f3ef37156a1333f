"""Targets: overlapping sums of weekly noise over the horizon, plus the signal, in five bins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erazoo.tournament import CLASSIC, label_eras, target_bars

MAIN, RELATIVE = "ender", "cyrusd"
LONG_TARGET = f"target_{MAIN}_60"
TARGETS = (f"target_{MAIN}_20", LONG_TARGET, f"target_{RELATIVE}_20", f"target_{RELATIVE}_60")
BIN_SHARES = (0.05, 0.20, 0.50, 0.20, 0.05)
LIKENESS = 0.85
"""Correlation of the relative's weekly noise and signal with those of the main target."""
_EDGES = np.cumsum(BIN_SHARES)[:-1]
_LAG = 1


def horizon(target: str) -> int:
    """Eras that a target looks forward."""
    return label_eras(target_bars(target), CLASSIC.bars_per_era)


LONGEST = max(horizon(target) for target in TARGETS)


def unresolved(target: str) -> int:
    """How many of the newest eras have no value of `target` yet: the horizon and one era's lag."""
    return horizon(target) + _LAG


@dataclass(frozen=True)
class Noise:
    """What moves an asset over the coming weeks beside the signal.

    Args:
        main: (weeks, rows) standard normal weekly increments, the coming week first.
        relative: (weeks, rows) the same for the relative of the main target.
    """

    main: NDArray[np.float64]
    relative: NDArray[np.float64]

    def over(self, target: str) -> NDArray[np.float64]:
        """The noise of a target, (rows,), variance 1: its weeks summed and scaled."""
        weeks = self.relative if RELATIVE in target else self.main
        reach = horizon(target)
        return np.asarray(weeks[:reach].sum(axis=0) / np.sqrt(reach))


class NoiseStream:
    """The coming weeks of every place in the universe.

    Two eras of one asset that lie k eras apart share the weeks that both horizons cover, so that
    their noise has the correlation 1 - k / horizon.
    """

    def __init__(self, rows: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._main = rng.standard_normal((LONGEST, rows))
        self._relative = self._relatives(self._main)

    @property
    def now(self) -> Noise:
        """The noise as seen from the present era."""
        return Noise(self._main, self._relative)

    def advance(self, arrived: NDArray[np.bool_]) -> None:
        """Go one week on; the places of new assets get weeks of their own."""
        coming = self._rng.standard_normal((1, self._main.shape[1]))
        self._main = np.vstack([self._main[1:], coming])
        self._relative = np.vstack([self._relative[1:], self._relatives(coming)])
        fresh = self._rng.standard_normal((LONGEST, int(arrived.sum())))
        self._main[:, arrived] = fresh
        self._relative[:, arrived] = self._relatives(fresh)

    def _relatives(self, main: NDArray[np.float64]) -> NDArray[np.float64]:
        other = self._rng.standard_normal(main.shape)
        return LIKENESS * main + math.sqrt(1 - LIKENESS**2) * other


def make_target(
    target: str, signal: NDArray[np.float64], strength: float, noise: Noise
) -> NDArray[np.float32]:
    """One target of one era, (rows,), values 0, .25, .5, .75, 1.

    Args:
        target: the target's name.
        signal: (rows,) the noiseless signal with variance about 1.
        strength: the signal's share of the variance.
        noise: the coming weeks.
    """
    likeness = LIKENESS if RELATIVE in target else 1.0
    share = likeness**2 * strength
    return binned(np.sqrt(share) * signal + np.sqrt(1 - share) * noise.over(target))


def binned(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Cut the values of one era into bins with the shares 5, 20, 50, 20 and 5 per cent."""
    rows = len(values)
    ranks = np.empty(rows)
    ranks[np.argsort(values)] = (np.arange(rows) + 0.5) / rows
    return (np.searchsorted(_EDGES, ranks) / 4).astype(np.float32)
