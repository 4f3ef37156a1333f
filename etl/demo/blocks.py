"""Blocks: which feature columns share a common factor and which part of the signal they carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etl.demo.profiles import Plan

LINEAR, PAIRS, MISSING, PLAIN, REGIME = "linear", "pairs", "missing", "plain", "regime"
_FEWEST = {LINEAR: 4, PAIRS: 4, MISSING: 2, PLAIN: 2}
_SHARE = {LINEAR: 0.2, PAIRS: 0.15, MISSING: 0.08, REGIME: 0.45}
_LOADING = {
    LINEAR: (0.5, 0.7),
    PAIRS: (0.2, 0.35),
    MISSING: (0.5, 0.75),
    PLAIN: (0.5, 0.75),
    REGIME: (0.5, 0.75),
}
_FEWEST_OF_REGIME = 3


@dataclass(frozen=True)
class Block:
    """Columns with a common factor.

    Args:
        kind: the part of the signal that the block carries, or `missing` or `plain`.
        regime: the regime in which a block of kind `regime` matters, else None.
        columns: positions in the feature matrix; those with a weight in the signal come first.
        loadings: (columns,) correlation of each column's latent value with the block's factor.
    """

    kind: str
    regime: int | None
    columns: NDArray[np.int64]
    loadings: NDArray[np.float64]


def make_blocks(plan: Plan, rng: np.random.Generator) -> tuple[Block, ...]:
    """Divide the columns of a plan among blocks, at random places of the matrix."""
    order = rng.permutation(plan.features)
    blocks, start = [], 0
    for kind, regime, size in _sizes(plan):
        columns = order[start : start + size].astype(np.int64)
        blocks.append(Block(kind, regime, columns, rng.uniform(*_LOADING[kind], size)))
        start += size
    return tuple(blocks)


def _sizes(plan: Plan) -> list[tuple[str, int | None, int]]:
    """Kind, regime and width of every block; what is left over becomes plain."""
    fewest = {**_FEWEST, REGIME: _FEWEST_OF_REGIME * plan.regimes}
    free = plan.features - sum(fewest.values())
    sizes = {kind: fewest[kind] + int(share * free) for kind, share in _SHARE.items()}
    sizes[REGIME] //= plan.regimes
    plain = plan.features - sum(sizes.values()) - sizes[REGIME] * (plan.regimes - 1)
    carried: list[tuple[str, int | None, int]] = [
        (REGIME, regime, sizes[REGIME]) for regime in range(plan.regimes)
    ]
    fixed: list[tuple[str, int | None, int]] = [
        (kind, None, sizes[kind]) for kind in (LINEAR, PAIRS, MISSING)
    ]
    return [*fixed, (PLAIN, None, plain), *carried]
