"""Assets whose latent features drift slowly, and the quintiles that are seen of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from erazoo.panel import QUINTILES
from etl.demo.blocks import Block

MARKET = math.sqrt(0.5)
"""Correlation of a block's style factor with the market factor, up to the regime's sign."""
_PIECE = 128
"""Features that are ranked at once."""


class AssetPool:
    """Places in the universe, each held by one asset until that asset leaves.

    The latent value of a feature mixes the two factors of its block and a value of its own; the
    style factors follow a market factor with signs that depend on the regime. All of these are
    AR(1) processes over eras with standard normal margins, so that no regime changes a margin.

    Args:
        blocks: the blocks of columns.
        rows: places.
        persistence: correlation of each process from one era to the next.
        churn: the share of places that pass to a new asset between two eras.
        rng: the source of everything random here.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        rows: int,
        persistence: float,
        churn: float,
        rng: np.random.Generator,
    ) -> None:
        width = sum(len(block.columns) for block in blocks)
        self._block_of = np.empty(width, dtype=np.int64)
        self._style, self._spread = np.empty((2, width, 1), dtype=np.float32)
        for number, block in enumerate(blocks):
            self._block_of[block.columns] = number
            self._style[block.columns, 0] = block.style
            self._spread[block.columns, 0] = block.spread
        self._own = np.sqrt(1 - self._style**2 - self._spread**2)
        self._rng, self._persistence, self._churn = rng, persistence, churn
        self._count = len(blocks)
        self._state = self._draw((1 + 2 * self._count + width, rows))
        self.assets = np.arange(rows, dtype=np.int64)
        """(rows,) number of the asset at each place; a number is never given twice."""

    def advance(self) -> NDArray[np.bool_]:
        """Go one era on; returns (rows,) the places that a new asset has taken."""
        fresh = self._draw(self._state.shape)
        arrived: NDArray[np.bool_] = np.less(self._rng.random(self._state.shape[1]), self._churn)
        keep = np.where(arrived, 0.0, self._persistence).astype(np.float32)
        self._state *= keep
        self._state += np.sqrt(1 - keep**2) * fresh
        self.assets[arrived] = self.assets.max() + 1 + np.arange(int(arrived.sum()))
        return arrived

    def quintiles(self, signs: NDArray[np.float32]) -> NDArray[np.int8]:
        """The features as seen in a regime, shape (features, rows), values 0..4.

        Args:
            signs: (blocks,) the regime's signs.
        """
        market, groups, spread, own = np.split(
            self._state, (1, 1 + self._count, 1 + 2 * self._count)
        )
        style = MARKET * signs[:, None] * market + math.sqrt(1 - MARKET**2) * groups
        seen = np.empty(own.shape, dtype=np.int8)
        for start in range(0, len(own), _PIECE):
            piece = slice(start, start + _PIECE)
            latent = self._own[piece] * own[piece]
            latent += self._style[piece] * style[self._block_of[piece]]
            latent += self._spread[piece] * spread[self._block_of[piece]]
            seen[piece] = equal_counts(latent)
        return seen

    def _draw(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        return self._rng.standard_normal(shape, dtype=np.float32)


def equal_counts(latent: NDArray[np.float32]) -> NDArray[np.int8]:
    """Cut each line of (features, rows) into five classes whose counts differ by one at most."""
    rows = latent.shape[1]
    codes = (np.arange(rows) * QUINTILES // rows).astype(np.int8)
    classes = np.empty(latent.shape, dtype=np.int8)
    np.put_along_axis(classes, np.argsort(latent, axis=1), codes[None, :], axis=1)
    return classes
