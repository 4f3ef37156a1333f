"""What H2O's two kinds of boosted trees have in common."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from zoo.h2o.learner import WatchingParams, stopping


class BoostedParams(WatchingParams):
    """Trees that are grown one after the other, by the names that H2O gives their options.

    Args:
        ntrees: trees.
        learn_rate: shrinkage of each tree.
        max_depth: depth of a tree.
        min_rows: rows of a leaf, at least.
        sample_rate: share of the rows that a tree sees.
        col_sample_rate_per_tree: share of the features that a tree may use.
        score_tree_interval: trees between two looks at the watched eras.
    """

    ntrees: int = Field(500, ge=1, le=100_000)
    learn_rate: float = Field(0.02, gt=0, le=1)
    max_depth: int = Field(5, ge=1, le=64)
    min_rows: float = Field(20.0, ge=1)
    sample_rate: float = Field(1.0, gt=0, le=1)
    col_sample_rate_per_tree: float = Field(0.3, gt=0, le=1)
    score_tree_interval: int = Field(10, ge=1)

    def options(self, seed: int, length: int | None) -> dict[str, Any]:
        """What both of H2O's estimators are told."""
        return {
            "ntrees": length or self.ntrees,
            "learn_rate": self.learn_rate,
            "max_depth": self.max_depth,
            "min_rows": self.min_rows,
            "sample_rate": self.sample_rate,
            "col_sample_rate_per_tree": self.col_sample_rate_per_tree,
            "score_tree_interval": self.score_tree_interval,
            "distribution": "gaussian",
            "seed": seed,
            **stopping(self, length),
        }
