"""The planted signal: linear, in products of pairs, and carried by another group a regime."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etl.demo.blocks import CORE, REGIME, Block
from etl.demo.profiles import Plan, Shares

Sampler = Callable[[int], NDArray[np.int8]]


@dataclass(frozen=True)
class Weights:
    """A weighted sum of single features or of products of two.

    Args:
        columns: (terms, 1) or (terms, 2) positions in the feature matrix.
        values: (terms,) weights on quintiles scaled to mean 0 and variance 1.
        centre: the mean of the sum, taken off.
    """

    columns: NDArray[np.int64]
    values: NDArray[np.float64]
    centre: float = 0.0

    def of(self, features: NDArray[np.int8]) -> NDArray[np.float64]:
        """The sum for each row of (features, rows), shape (rows,)."""
        terms = standardised(features[self.columns]).prod(axis=1)
        return np.asarray(self.values @ terms - self.centre)

    def scaled(self, samples: Sequence[NDArray[np.int8]]) -> Weights:
        """The same direction with mean 0 and variance 1 on `samples`."""
        seen = np.concatenate([self.of(features) for features in samples])
        spread = float(seen.std())
        return Weights(self.columns, self.values / spread, float(seen.mean()) / spread)


@dataclass(frozen=True)
class Parts:
    """What each part of the signal says in one era, each (rows,) with variance about 1.

    Args:
        linear: the linear part.
        pairs: the part in products.
        regime: the part of the era's own regime.
        pooled: the sum of all regimes' parts: what is left of `regime` for an observer who does
            not know the regime.
    """

    linear: NDArray[np.float64]
    pairs: NDArray[np.float64]
    regime: NDArray[np.float64]
    pooled: NDArray[np.float64]

    def blend(
        self, shares: Shares, moving: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """The sum of the parts with variances `shares`, (rows,).

        Args:
            shares: the variance of each part.
            moving: what stands for the regime's part, by default `regime`.
        """
        return (
            math.sqrt(shares.linear) * self.linear
            + math.sqrt(shares.pairs) * self.pairs
            + math.sqrt(shares.regime) * (self.regime if moving is None else moving)
        )

    def blend_blind(self, shares: Shares, regimes: int) -> NDArray[np.float64]:
        """The expectation of `blend` for one who takes each of `regimes` for equally likely."""
        return self.blend(shares, self.pooled / math.sqrt(regimes))


@dataclass(frozen=True)
class Signal:
    """The weights of every part, scaled so that each part has mean 0 and variance 1."""

    linear: Weights
    pairs: Weights
    regimes: tuple[Weights, ...]

    def parts(self, features: NDArray[np.int8], regime: int) -> Parts:
        """The parts for the features (features, rows) of an era in `regime`."""
        moving = [weights.of(features) for weights in self.regimes]
        pooled = np.sum(moving, axis=0) / np.sqrt(len(moving))
        return Parts(self.linear.of(features), self.pairs.of(features), moving[regime], pooled)


def make_signal(
    plan: Plan, blocks: Sequence[Block], sample: Sampler, rng: np.random.Generator
) -> Signal:
    """Draw the weights of a plan's signal and scale them on sampled features.

    Args:
        plan: how many features and pairs carry weight.
        blocks: the blocks of columns; a block's carriers are its first columns.
        sample: gives features (features, rows) as they look in a regime.
        rng: the source of the weights.
    """
    settings = plan.settings
    samples = [sample(regime) for regime in range(plan.regimes)]
    core = [block for block in blocks if block.kind == CORE]
    moving = [block for block in blocks if block.kind == REGIME]
    return Signal(
        _singles(core, settings.core_features, rng).scaled(samples),
        _products(core, settings.pairs, rng).scaled(samples),
        tuple(
            _singles([block], settings.regime_features, rng).scaled([features])
            for block, features in zip(moving, samples, strict=True)
        ),
    )


def _singles(blocks: Sequence[Block], count: int, rng: np.random.Generator) -> Weights:
    """Weights on the first `count` columns of each block, along its spread factor.

    Within a block they add up to nothing along the style factor, so that a change in the
    co-movement of blocks does not carry the signal from one into another.
    """
    columns, values = [], []
    for block in blocks:
        chosen, style = block.columns[:count], block.style[:count]
        weights = rng.choice((-1.0, 1.0)) * np.sign(block.spread[:count])
        weights = weights * rng.uniform(0.7, 1.3, len(chosen))
        columns.append(chosen)
        values.append(weights - style * (weights @ style) / (style @ style))
    return Weights(np.concatenate(columns)[:, None], np.concatenate(values))


def _products(blocks: Sequence[Block], count: int, rng: np.random.Generator) -> Weights:
    """Products between the first columns of neighbouring blocks: 0 with 1, 2 with 3, and on."""
    partners = list(zip(blocks[::2], blocks[1::2], strict=True))
    signs = rng.choice((-1.0, 1.0), len(partners))
    columns, values = [], []
    for term in range(count):
        place, both = divmod(term, len(partners))
        left, right = partners[both]
        columns.append((left.columns[place], right.columns[place]))
        values.append(signs[both] * rng.uniform(0.85, 1.15))
    return Weights(np.array(columns), np.array(values))


def standardised(features: NDArray[np.int8]) -> NDArray[np.float64]:
    """Quintiles 0..4 as values with mean 0 and variance 1 where the classes are equal."""
    return (features - np.float64(2)) / np.float64(math.sqrt(2))
