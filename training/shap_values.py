"""How far features move a boosted model's predictions: mean absolute SHAP values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etl.shards import ShardSet
from training.in_sample import sampled_eras

if TYPE_CHECKING:
    from zoo.boosting.base import Boosting

SHAP_ERAS = 20
"""Validation eras of a fold that SHAP values are taken in."""
SHAP_ROWS = 50
"""Rows of such an era; each takes a look at every path of every tree."""


class MeanContributions:
    """Mean absolute SHAP values by feature and by group, added up model by model.

    The contribution of a group is the sum of those of its features in a row, before its size is
    taken: features that say the same add up, and features that contradict each other cancel. It is
    in the unit of the model's scores, for a regression that of the target.

    Args:
        names: of the F features.
        groups: their columns by group; groups may overlap.
    """

    def __init__(self, names: Sequence[str], groups: Mapping[str, NDArray[np.int64]]) -> None:
        self._names, self._groups = names, groups
        self._features = np.zeros(len(names))
        self._sums = dict.fromkeys(groups, 0.0)
        self.rows = 0

    def add(self, values: NDArray[np.float64]) -> None:
        """Add the SHAP values (rows, F + 1) of some rows, the last column the expected value."""
        own = values[:, :-1]
        self.rows += len(own)
        self._features += np.abs(own).sum(axis=0)
        for name, columns in self._groups.items():
            self._sums[name] += float(np.abs(own[:, columns].sum(axis=1)).sum())

    def to_json(self) -> dict[str, Any]:
        """`rows`, and the means of `features` and `groups`, the largest first."""
        features = dict(zip(self._names, (self._features / self.rows).tolist(), strict=True))
        groups = {name: value / self.rows for name, value in self._sums.items()}
        return {"rows": self.rows, "features": _falling(features), "groups": _falling(groups)}


def mean_contributions(
    fits: Iterable[tuple[Boosting[Any], Sequence[str]]], data: ShardSet, seed: int
) -> dict[str, Any]:
    """Mean absolute SHAP values of fitted models, each on rows of eras that it has not learned.

    Memory: one era of features; of the sampled rows (`SHAP_ERAS` x `SHAP_ROWS` a model) their
    features and a float64 a feature and class.

    Args:
        fits: models, and eras that each is asked about.
        data: the shards.
        seed: of the rows that are drawn.

    Returns:
        See `MeanContributions.to_json`.

    Raises:
        ConfigError: a model has no SHAP values.
    """
    spec = data.spec
    found = MeanContributions(spec.names, {g: spec.columns(of) for g, of in spec.groups.items()})
    for model, eras in fits:
        found.add(model.contributions(_sample(data, sampled_eras(eras, SHAP_ERAS), seed)))
    return found.to_json()


def _sample(data: ShardSet, eras: Sequence[str], seed: int) -> NDArray[Any]:
    """Some rows of each era, (rows, F)."""
    parts = []
    for number, block in enumerate(data.blocks(eras)):
        rng = np.random.default_rng([seed, number])
        rows = rng.choice(len(block), min(SHAP_ROWS, len(block)), replace=False)
        parts.append(block.features[np.sort(rows)])
    return np.concatenate(parts)


def _falling(values: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(values.items(), key=lambda item: -item[1]))
