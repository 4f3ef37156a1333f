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

    It knows nothing of any target, so that all its predictions are out of sample.

    Args:
        column: the name of its column.
        sees: the shares of its variance that follow the parts of the signal; the rest is error.
        columns: features without any signal that it wrongly believes in.
        weights: (columns,) that belief.
    """

    column: str
    sees: Shares
    columns: NDArray[np.int64]
    weights: NDArray[np.float64]

    def predict(self, features: NDArray[np.int8], parts: Parts) -> NDArray[np.float32]:
        """Predictions in (0, 1) for the rows of one era: ranks of what it believes.

        Args:
            features: (features, rows) quintiles.
            parts: what the signal says of the same rows.
        """
        error = self.weights @ standardised(features[self.columns])
        seen = parts.blend(self.sees, parts.pooled)
        score = seen + np.sqrt(1 - self.sees.total) * error / error.std()
        ranks = np.empty(len(score), dtype=np.float32)
        ranks[np.argsort(score, kind="stable")] = (np.arange(len(score)) + 0.5) / len(score)
        return ranks


def make_observers(
    plan: Plan, blocks: Sequence[Block], rng: np.random.Generator
) -> tuple[Observer, Observer]:
    """The benchmark model and the meta model of a plan, in this order."""
    idle = np.concatenate([b.columns for b in blocks if b.kind in (MISSING, PLAIN)])
    sees = {BENCHMARK: plan.settings.benchmark, META_MODEL: plan.settings.meta_model}
    benchmark, meta_model = (
        Observer(column, shares, idle, rng.standard_normal(len(idle)))
        for column, shares in sees.items()
    )
    return benchmark, meta_model
