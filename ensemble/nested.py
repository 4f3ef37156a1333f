"""Nested judging: what was learned from earlier eras is applied to later ones and scored there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ensemble.evidence import Evidence
from ensemble.methods import Learn
from ensemble.pool import Pool
from erazoo.errors import LeakageError
from etl.splits import PurgedEraSplit

LEAST = 3
"""Eras that anything is learned from."""


@dataclass(frozen=True)
class Block:
    """Eras that are judged together, by their places in the pool.

    Args:
        learned: the first `learned` eras of the pool are learned from; their labels do not touch
            the block.
        first: the first judged era.
        last: one behind the last judged era.
    """

    learned: int
    first: int
    last: int


@dataclass(frozen=True)
class Judged:
    """A method on the judged eras.

    Args:
        values: (rows,) its blends of the judged eras, in order.
        weights: (B, M) a row a block; None where a method has no fixed weights.
    """

    values: NDArray[np.float32]
    weights: NDArray[np.float64] | None


def blocks_of(pool: Pool, judged: float, count: int) -> tuple[Block, ...]:
    """Cut the newest eras of a pool into blocks, each with the earlier eras that it may know.

    Args:
        pool: whose eras; the purge is its own.
        judged: their newest share.
        count: blocks.

    Raises:
        LeakageError: fewer than three resolved eras are left to learn from.
    """
    splitter = PurgedEraSplit(
        "expanding", count, pool.label_eras, pool.purge, first_train=1 - judged
    )
    places = {era: place for place, era in enumerate(pool.eras)}
    try:
        folds = list(splitter.split(pool.axis, pool.eras))
    except LeakageError:
        folds = []
    known = int(pool.resolved[: len(folds[0].train)].sum()) if folds else 0
    if known < LEAST:
        raise LeakageError(
            "too few eras are left to learn weights from",
            received=f"{known} of {len(pool.eras)} eras resolved before the first judged one, "
            f"purged by {pool.purge}; {count} blocks",
            expected=f"at least {LEAST}, and an era in each block",
            hint="Score more eras (a smaller split.first_train), or lower ensemble.judged",
        )
    return tuple(
        Block(
            learned=places[fold.train[-1]] + 1,
            first=places[fold.validation[0]],
            last=places[fold.validation[-1]] + 1,
        )
        for fold in folds
    )


def eras_before(pool: Pool, era: str) -> int:
    """How many eras of a pool may be learned from by what predicts `era` and later ones."""
    border = pool.axis.position(era) - pool.purge
    return sum(pool.axis.position(label) < border for label in pool.eras)


def judge(learn: Learn, evidence: Evidence, blocks: Sequence[Block]) -> Judged:
    """Learn before each block and blend the block.

    Args:
        learn: the method.
        evidence: of the whole pool; each call of `learn` gets the earlier eras alone.
        blocks: consecutive.
    """
    values, weights = [], []
    for block in blocks:
        found = learn(evidence.stretch(0, block.learned))
        values.append(found.blend(evidence, block.first, block.last))
        weights.append(found.weights)
    known = [row for row in weights if row is not None]
    table = np.stack(known) if len(known) == len(blocks) else None
    return Judged(np.concatenate(values), table)
