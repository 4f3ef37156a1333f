"""What happens to the rows of an era between table and shard: targets, cleaning, weights, order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from erazoo.eras import era_number
from erazoo.panel import EraBlock, FeatureSpec
from etl.balance import Balance
from etl.cleaning import Cleaning
from etl.dataset import Dataset
from etl.targets import MadeTarget, with_made


@dataclass(frozen=True)
class Preparation:
    """Cleaning, training weights and the order of rows of an era.

    Args:
        cleaning: of the features.
        balance: of the target's bins, if any.
        column: the balanced target's column.
        seed: rows of each era are put in an order drawn from it and the era; None keeps theirs.
        made: further targets, made of those of the panel.
    """

    cleaning: Cleaning
    balance: Balance | None = None
    column: int = 0
    seed: int | None = None
    made: tuple[MadeTarget, ...] = ()

    @property
    def spec(self) -> FeatureSpec:
        """The features as shards hold them."""
        return self.cleaning.spec

    @property
    def weighted(self) -> bool:
        """Whether rows carry training weights."""
        return self.balance is not None or self.cleaning.removes

    def blocks(self, data: Dataset, eras: Sequence[str]) -> Iterator[EraBlock]:
        """The prepared eras of a panel, in order."""
        for block in data.blocks(eras):
            yield self.block(block)

    def block(self, block: EraBlock) -> EraBlock:
        """One prepared era."""
        weights = self._weights(block)
        features = self.cleaning.features(block.features)
        clean = with_made(replace(block, features=features, weights=weights), self.made)
        if self.seed is None:
            return clean
        order = np.random.default_rng([self.seed, era_number(block.era)]).permutation(len(block))
        return clean.take(order)

    def _weights(self, block: EraBlock) -> NDArray[np.float32] | None:
        if not self.weighted:
            return None
        weights = np.ones(len(block), dtype=np.float32)
        if self.balance is not None:
            weights = self.balance.weights(block.era, block.targets[:, self.column])
        outlying = self.cleaning.outlying(block.features)
        if outlying is not None:
            weights[outlying] = 0
        return weights
