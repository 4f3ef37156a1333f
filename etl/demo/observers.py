"""The benchmark model and the meta model: predictions that see a part of the signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etl.demo.blocks import MISSING, PLAIN, Block
from etl.demo.profiles import Plan, Shares
from etl.demo.signal import Parts, standardised

BENCHMARK = "v1_lgbm_demo20"
META_MODEL = "numerai_meta_model"


@dataclass(frozen=True)
class Observer:
    """A model that was fitted elsewhere: a function of the era's features alone.

    Args:
        column: the name of its column.
        sees: the shares of its variance that follow the parts of the signal.
        columns: features without any signal that it wrongly believes in.
        weights: (columns,) its belief.
    """

    column: str
    sees: Shares
    columns: NDArray[np.int64]
    weights: NDArray[np.float64]

    def predict(self, features: NDArray[np.int8], parts: Parts) -> NDArray[np.float32]:
        """Predictions in (0, 1) for the rows of one era: ranks of what it believes."""
        error = self.weights @ standardised(features[self.columns])
        belief = self.sees.total and parts.blend(self.sees, pooled=True)
        score = belief + np.sqrt(1 - self.sees.total) * error / error.std()
        ranks = np.empty(len(score))
        ranks[np.argsort(score)] = (np.arange(len(score)) + 0.5) / len(score)
        return ranks.astype(np.float32)


def make_observers(
    plan: Plan, blocks: Sequence[Block], rng: np.random.Generator
) -> tuple[Observer, Observer]:
    """The benchmark model and the meta model of a plan, in this order."""
    settings = plan.settings
    idle = np.concatenate([b.columns for b in blocks if b.kind in (MISSING, PLAIN)])
    sees = {BENCHMARK: settings.benchmark, META_MODEL: settings.meta_model}
    benchmark, meta_model = (
        Observer(column, shares, idle, rng.standard_normal(len(idle)))
        for column, shares in sees.items()
    )
    return benchmark, meta_model
