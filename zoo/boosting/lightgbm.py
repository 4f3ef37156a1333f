"""LightGBM regression from shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from erazoo.errors import TrainingError
from erazoo.logs import LOGGER
from erazoo.machine import cores
from erazoo.panel import FeatureSpec
from erazoo.publish import atomic_file
from etl.shards import ShardSet
from etl.shards.rows import as_floats
from zoo.catalogue import ModelSpec, Params

if TYPE_CHECKING:
    import lightgbm

FILE = "model.txt"


class LightGBMParams(Params):
    """Ke et al. (2017); names and meanings are those of LightGBM's scikit-learn interface.

    Attributes:
        n_estimators: trees.
        learning_rate: shrinkage of each tree.
        max_depth: depth of a tree, -1 for no limit.
        num_leaves: leaves of a tree.
        colsample_bytree: share of the features that a tree may use.
        min_child_samples: rows of a leaf, at least.
        subsample: share of the rows that a tree sees.
        reg_lambda: L2 penalty on leaf values.
        max_bin: bins a feature, at most.
    """

    n_estimators: int = Field(2000, ge=1, le=100_000)
    learning_rate: float = Field(0.01, gt=0, le=1)
    max_depth: int = Field(5, ge=-1, le=64)
    num_leaves: int = Field(31, ge=2, le=131_072)
    colsample_bytree: float = Field(0.1, gt=0, le=1)
    min_child_samples: int = Field(20, ge=1)
    subsample: float = Field(1.0, gt=0, le=1)
    reg_lambda: float = Field(0.0, ge=0)
    max_bin: int = Field(255, ge=2, le=65_535)


class LightGBM:
    """Boosted regression trees on raw quintiles.

    Memory: LightGBM's bins, about a byte a value, and 20,000 rows as float64; features are read
    from the shards batch by batch.
    """

    def __init__(self, params: LightGBMParams, spec: FeatureSpec) -> None:
        self.params, self.spec = params, spec
        self._booster: lightgbm.Booster | None = None

    def fit(
        self, data: ShardSet, eras: Sequence[str], target: str, seed: int, threads: int
    ) -> None:
        """Bin the rows once and grow the trees; equal seeds give equal trees.

        Training weights of the rows are honoured.

        Raises:
            TrainingError: no row has a resolved target.
        """
        import lightgbm

        lightgbm.register_logger(LOGGER, "debug", "debug")
        rows = data.to_lightgbm(eras, target=target)
        if not len(rows):
            raise TrainingError("no row has a resolved target", received=target)
        options = self._options(seed, threads)
        dataset = rows.dataset(options)
        self._booster = lightgbm.train(options, dataset, self.params.n_estimators)

    def predict(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (rows,)."""
        if self._booster is None:
            raise TrainingError("the model is not fitted")
        values = self._booster.predict(as_floats(features, self.spec), num_threads=cores())
        return np.asarray(values, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write LightGBM's own text format."""
        if self._booster is None:
            raise TrainingError("the model is not fitted")
        with atomic_file(folder / FILE) as temporary:
            temporary.write_text(self._booster.model_to_string(), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read the text format."""
        import lightgbm

        self._booster = lightgbm.Booster(model_file=str(folder / FILE))

    def _options(self, seed: int, threads: int) -> dict[str, Any]:
        p = self.params
        return {
            "objective": "regression",
            "learning_rate": p.learning_rate,
            "max_depth": p.max_depth,
            "num_leaves": p.num_leaves,
            "feature_fraction": p.colsample_bytree,
            "min_data_in_leaf": p.min_child_samples,
            "bagging_fraction": p.subsample,
            "bagging_freq": 1 if p.subsample < 1 else 0,
            "lambda_l2": p.reg_lambda,
            "max_bin": p.max_bin,
            "feature_pre_filter": False,
            "force_col_wise": True,
            "deterministic": True,
            "seed": seed,
            "num_threads": threads,
            "verbosity": -1,
        }


def build(params: LightGBMParams, spec: FeatureSpec) -> LightGBM:
    """The unfitted model."""
    return LightGBM(params, spec)


SPEC = ModelSpec(
    name="lightgbm",
    family="boosting",
    summary="Gradient-boosted trees (LightGBM) on raw quintiles",
    params=LightGBMParams,
    presets={
        "example": {},
        "standard": {
            "n_estimators": 20_000,
            "learning_rate": 0.001,
            "max_depth": 6,
            "num_leaves": 64,
        },
        "deep": {
            "n_estimators": 30_000,
            "learning_rate": 0.001,
            "max_depth": 10,
            "num_leaves": 1024,
            "min_child_samples": 10_000,
        },
        "ender60_small": {"n_estimators": 400, "learning_rate": 0.02, "max_depth": 5},
        "crypto": {
            "n_estimators": 400,
            "learning_rate": 0.02,
            "max_depth": 3,
            "num_leaves": 15,
            "min_child_samples": 500,
        },
        "small": {
            "n_estimators": 300,
            "learning_rate": 0.02,
            "max_depth": 4,
            "num_leaves": 12,
            "colsample_bytree": 0.3,
            "min_child_samples": 200,
        },
    },
    takes_missing=True,
    build=build,
)
