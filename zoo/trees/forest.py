"""What forests of scikit-learn share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import Field
from typing_extensions import override

from etl.shards import ShardSet
from zoo.estimator import Fit
from zoo.trees.base import TreeParams, Trees

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "classic": {"n_estimators": 200, "max_depth": 10, "min_samples_leaf": 1_000},
    "demo": {"n_estimators": 60, "min_samples_leaf": 100, "max_features": 0.3},
    "small": {"n_estimators": 40, "max_depth": 6, "min_samples_leaf": 50, "max_features": 0.3},
}


class ForestParams(TreeParams):
    """Options of every forest.

    Args:
        n_estimators: trees.
        max_samples: share of the drawn rows that a tree draws, with repetition; None where each
            sees all of them.
    """

    n_estimators: int = Field(100, ge=1)
    max_features: float = Field(0.1, gt=0, le=1)
    max_samples: float | None = Field(0.3, gt=0, le=1)


F = TypeVar("F", bound=ForestParams)


class Forest(Trees[F]):
    """The mean of trees that are grown apart; memory: 4 bytes a value of drawn rows."""

    @override
    def fit(self, data: ShardSet, fit: Fit) -> None:
        super().fit(data, fit)
        # Threads of its own would add trees up in any order: rows are shared out instead.
        self.model.set_params(n_jobs=None)

    def grown(self, kind: Callable[..., Any], fit: Fit) -> Any:
        """The library's untrained forest of a kind."""
        return kind(
            **self.params.model_dump(exclude={"rows"}),
            bootstrap=self.params.max_samples is not None,
            n_jobs=fit.threads,
            random_state=fit.seed,
        )
