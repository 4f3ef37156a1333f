"""Several fits a fold that make one candidate: a fit a target and seed, averaged by ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from erazoo.config.schema import ModelEntry
from scoring.eras import EraSlices
from scoring.ranks import rank_average

if TYPE_CHECKING:
    from training.task import BlockPredictor


@dataclass(frozen=True)
class Member:
    """One of a model's fits on a fold.

    Args:
        name: tells it from the others, such as `target_ender_60.seed-8`; empty where it is alone.
        target: the column that it learns.
        seed: of everything random in it.
    """

    name: str
    target: str
    seed: int


def members_of(entry: ModelEntry, target: str, seed: int) -> tuple[Member, ...]:
    """The fits a fold of a model, one a target and seed.

    >>> [m.name for m in members_of(ModelEntry(model="mlp", seeds=2), "target_ender_20", 7)]
    ['seed-7', 'seed-8']

    Args:
        entry: of the configuration.
        target: what it learns unless it says otherwise.
        seed: the first one.
    """
    targets, seeds = entry.learns(target), range(seed, seed + entry.seeds)
    found = []
    for column in targets:
        for number in seeds:
            parts = [column] if len(targets) > 1 else []
            parts += [f"seed-{number}"] if len(seeds) > 1 else []
            found.append(Member(".".join(parts), column, number))
    return tuple(found)


class MeanRank:
    """Raw features (rows, F) of ONE whole era to the mean rank of some predictors, (rows,)."""

    def __init__(self, predictors: Sequence[BlockPredictor]) -> None:
        self._predictors = tuple(predictors)

    def __call__(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predict the rows of one era."""
        one = EraSlices(("",), np.array([0, len(features)]))
        return rank_average([predict(features) for predict in self._predictors], one)
