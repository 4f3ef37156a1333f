"""Blocks: which feature columns move together and which part of the signal they carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etl.demo.profiles import CORE_BLOCKS, FEWEST_A_REGIME, FEWEST_OTHERS, Plan

CORE, REGIME, MISSING, PLAIN = "core", "regime", "missing", "plain"
_FEWEST_IN_CORE, _FEWEST_MISSING = 2, 2
_SHARE = {CORE: 0.4, REGIME: 0.38, MISSING: 0.08}
"""How the columns beyond the fewest are divided; what is left over becomes plain."""
_STYLE = (0.45, 0.6)
_SPREAD = (0.6, 0.7)


@dataclass(frozen=True)
class Block:
    """Columns that share two factors.

    The style factor, which all columns follow with the same sign, is what moves with other
    blocks as the regime wants; the spread factor, which columns follow with alternating signs,
    is the block's own, and the signal rides on it.

    Args:
        kind: `core` (linear and pair parts), `regime`, `missing` (in early eras) or `plain`.
        number: the block's place among those of its kind; for a `regime` block, its regime.
        columns: positions in the feature matrix; those with a weight in the signal come first.
        style: (columns,) correlations of the latent values with the style factor.
        spread: (columns,) the same with the spread factor.
    """

    kind: str
    number: int
    columns: NDArray[np.int64]
    style: NDArray[np.float64]
    spread: NDArray[np.float64]


def make_blocks(plan: Plan, rng: np.random.Generator) -> tuple[Block, ...]:
    """Divide the columns of a plan among blocks, at random places of the matrix."""
    order = rng.permutation(plan.features).astype(np.int64)
    blocks, start = [], 0
    for kind, number, size in _sizes(plan):
        columns = order[start : start + size]
        signs = np.where(np.arange(size) % 2 == 0, 1.0, -1.0)
        style, spread = rng.uniform(*_STYLE, size), rng.uniform(*_SPREAD, size)
        blocks.append(Block(kind, number, columns, style, signs * spread))
        start += size
    return tuple(blocks)


def _sizes(plan: Plan) -> list[tuple[str, int, int]]:
    """Kind, number and width of every block."""
    free = plan.features - FEWEST_OTHERS - FEWEST_A_REGIME * plan.regimes
    core = _FEWEST_IN_CORE + int(_SHARE[CORE] * free) // CORE_BLOCKS
    moving = FEWEST_A_REGIME + int(_SHARE[REGIME] * free) // plan.regimes
    missing = _FEWEST_MISSING + int(_SHARE[MISSING] * free)
    plain = plan.features - core * CORE_BLOCKS - moving * plan.regimes - missing
    return [
        *((CORE, number, core) for number in range(CORE_BLOCKS)),
        *((REGIME, regime, moving) for regime in range(plan.regimes)),
        (MISSING, 0, missing),
        (PLAIN, 0, plain),
    ]
