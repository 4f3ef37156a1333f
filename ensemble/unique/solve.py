"""The smallest change that brings a figure of predictions to where it is wanted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError

Floats = NDArray[np.float64]
Measure = Callable[[Floats], Floats]
"""The figure at each of K amounts of change, (K,) from (K,)."""
TOLERANCE = 0.005
_STEPS = 16
_EXACT = 1e-6
"""How near the figure comes to what is wanted before the search ends."""


@dataclass(frozen=True)
class Wish:
    """A wanted figure: a number, or a share of where the figure starts.

    Args:
        value: the number or the share.
        relative: whether it is a share.
    """

    value: float
    relative: bool = False

    @classmethod
    def parse(cls, text: float | str) -> Self:
        """A wish as it stands in a configuration.

        >>> Wish.parse("0.7x"), Wish.parse(0.5)
        (Wish(value=0.7, relative=True), Wish(value=0.5, relative=False))

        Raises:
            ConfigError: neither a number nor a number before an x.
        """
        plain = str(text).strip()
        try:
            value = float(plain.removesuffix("x"))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ConfigError(
                "a wish is a number, or a share of the start with an x behind it",
                received=text,
                expected='such as 0.5 or "0.7x"',
            )
        return cls(value, plain.endswith("x"))

    def target(self, start: float) -> float:
        """The number that is wanted."""
        return self.value * start if self.relative else self.value

    def words(self) -> str:
        """The wish as a person would say it."""
        return f"{self.value:g} times the start" if self.relative else f"{self.value:g}"


@dataclass(frozen=True)
class Solution:
    """What was found.

    Args:
        amount: of change; 0 leaves the predictions as they are.
        start: the figure without any change.
        wanted: the figure that was wished for.
        reached: the figure with this amount.
        low: the lowest figure that some amount reaches.
        high: the highest one.
    """

    amount: float
    start: float
    wanted: float
    reached: float
    low: float
    high: float


def solve(
    measure: Measure, wish: Wish, bounds: tuple[float, float], tolerance: float = TOLERANCE
) -> Solution:
    """The amount nearest 0 at which a figure meets a wish, by bracketing and Brent's method.

    The figure is first taken at evenly spaced amounts. Going outwards from 0 on each side, the
    first two between which it passes the wish are the bracket (`scipy.optimize.brentq`).

    Args:
        measure: the figure at some amounts.
        wish: where it is wanted.
        bounds: the smallest amount, 0 or below, and the largest, 0 or above.
        tolerance: how far off the result may be.

    Raises:
        ConfigError: no amount meets the wish; it states what can be reached.
    """
    sides = [_amounts(bound) for bound in bounds if bound]
    grid = np.unique(np.concatenate(sides))
    figures = dict(zip(grid.tolist(), measure(grid).tolist(), strict=True))
    start = figures[0.0]
    wanted = wish.target(start)
    if not all(map(math.isfinite, figures.values())):
        raise ConfigError("the figure that a wish is about is undefined here")
    roots = [root for side in sides if (root := _root(measure, side, figures, wanted)) is not None]
    nearest = min(figures, key=lambda amount: (abs(figures[amount] - wanted), abs(amount)))
    amount = min(roots, key=abs, default=nearest)
    if amount not in figures:
        figures[amount] = float(measure(np.array([amount]))[0])
    low, high = min(figures.values()), max(figures.values())
    if abs(figures[amount] - wanted) > tolerance:
        raise ConfigError(
            "a wish cannot be met this way",
            received=f"{wish.words()}, that is {wanted:.4f} from a start of {start:.4f}",
            expected=f"{low:.4f} to {high:.4f}",
        )
    return Solution(amount, start, wanted, figures[amount], low, high)


def _amounts(bound: float) -> Floats:
    """From 0 outwards."""
    return np.linspace(0.0, bound, _STEPS + 1)


def _root(
    measure: Measure, side: Floats, figures: dict[float, float], wanted: float
) -> float | None:
    """The first amount of a side at which the figure passes what is wanted."""
    from scipy.optimize import brentq

    for near, far in pairwise(side.tolist()):
        first, second = figures[near] - wanted, figures[far] - wanted
        if first == 0:
            return float(near)
        if first * second <= 0:
            return float(brentq(lambda amount: _off(measure, amount, wanted), near, far))
    return None


def _off(measure: Measure, amount: float, wanted: float) -> float:
    """How far off the figure is; 0, which ends the search, where that is next to nothing."""
    off = float(measure(np.array([amount]))[0]) - wanted
    return 0.0 if abs(off) < _EXACT else off
