"""What the parameters of every boosted model have in common."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from zoo.catalogue import Params

Kind = Literal["regression", "classes", "rank", "corr"]
Weighting = Literal["none", "age", "score", "era_boost"]


class EmphasisOptions(Params):
    """Which eras count how much while trees are grown, see `zoo.boosting.emphasis`.

    Args:
        by: `none`: all alike; `age`: an era counts half as much as one that is `half_life` eras
            newer; `score`: again and again eras count from 2, for the one with the worst CORR in
            training, evenly down to 0 for the best; `era_boost`: again and again the next trees
            learn from the `share` of the eras with the worst CORR alone.
        half_life: eras.
        every: trees from one look at the eras to the next.
        share: of the eras that `era_boost` keeps.
    """

    by: Weighting = "none"
    half_life: float = Field(100.0, gt=0)
    every: int = Field(200, ge=1)
    share: float = Field(0.5, gt=0, lt=1)

    @property
    def looks(self) -> bool:
        """Whether eras are scored in between."""
        return self.by in ("score", "era_boost")


class BoostingParams(Params):
    """What is learned, how long, from which eras and on which device.

    Args:
        kind: `regression`, squared errors; `classes`, a softmax over the target's values, whose
            expected value is the prediction; `rank`, the order of the rows within each era; `corr`,
            the correlation within each era with the target as CORR stretches it.
        n_estimators: trees, at most.
        learning_rate: shrinkage of each tree.
        max_depth: depth of a tree.
        subsample: share of the rows that a tree sees.
        reg_lambda: L2 penalty on leaf values.
        max_bin: bins a feature, at most.
        early_stopping: trees without a better mean CORR of the watched eras, after which a fit
            stops and keeps the best; 0 grows all trees and watches nothing.
        emphasis: which eras count how much.
        device: `cpu`, `gpu`, or `auto`: a GPU where there is one that the library can use. With
            `auto`, `training.devices` says the same for all models.
    """

    kind: Kind = "regression"
    n_estimators: int = Field(2000, ge=1, le=100_000)
    learning_rate: float = Field(0.01, gt=0, le=1)
    max_depth: int = Field(5, ge=1, le=64)
    subsample: float = Field(1.0, gt=0, le=1)
    reg_lambda: float = Field(0.0, ge=0)
    max_bin: int = Field(255, ge=2, le=65_535)
    early_stopping: int = Field(0, ge=0, le=100_000)
    emphasis: EmphasisOptions = EmphasisOptions()
    device: Literal["auto", "cpu", "gpu"] = "auto"

    @property
    @override
    def watches(self) -> bool:
        """Early stopping watches eras."""
        return self.early_stopping > 0

    @property
    def drops_trees(self) -> bool:
        """Whether later trees change earlier ones, so that no part of them is a model."""
        return False

    @model_validator(mode="after")
    def _whole_forests(self) -> Self:
        if self.drops_trees and (self.watches or self.emphasis.looks):
            raise ValueError(
                "dart changes trees that stand already; it goes with early_stopping = 0 and "
                "emphasis.by none or age"
            )
        return self
