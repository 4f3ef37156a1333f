"""Everything but the features of many eras, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erazoo.panel import EraBlock


@dataclass(frozen=True)
class Labels:
    """Everything but the features of some eras, row by row in era order.

    Args:
        ids: (n,) row identifiers.
        eras: (n,) era labels.
        targets: (n, T) float32, NaN where unresolved.
        references: (n, R) float32, NaN where absent.
        weights: (n,) float32 training weights, None where every row counts once.
    """

    ids: NDArray[np.object_]
    eras: NDArray[np.object_]
    targets: NDArray[np.float32]
    references: NDArray[np.float32]
    weights: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(
        cls, blocks: Sequence[EraBlock], targets: int, references: int, *, weighted: bool
    ) -> Labels:
        """The labels of blocks in order.

        Args:
            blocks: with or without features.
            targets: columns of targets.
            references: columns of references.
            weighted: whether the blocks carry weights.
        """
        nothing = np.empty(0, dtype=object)
        weights = [b.weights for b in blocks if b.weights is not None]
        return cls(
            np.concatenate([nothing, *(b.ids for b in blocks)]),
            np.concatenate([nothing, *(np.full(len(b), b.era, dtype=object) for b in blocks)]),
            np.concatenate([np.empty((0, targets), "f4"), *(b.targets for b in blocks)]),
            np.concatenate([np.empty((0, references), "f4"), *(b.references for b in blocks)]),
            np.concatenate([np.empty(0, np.float32), *weights]) if weighted else None,
        )


def without_features(block: EraBlock) -> EraBlock:
    """The block without the record's bytes, which even an empty view would keep alive."""
    nothing = np.empty((len(block), 0), dtype=block.features.dtype)
    return EraBlock(
        block.era,
        block.ids,
        nothing,
        block.targets.copy(),
        block.references.copy(),
        None if block.weights is None else block.weights.copy(),
    )
