"""Small studies for tests of mining, and the plain way to train what they train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etl.shards import ShardSet
from search.plan import Plan

SETTINGS = (
    "engine.backend='serial'",
    "split.held_out=0.1",
    "mine.trials=4",
    "mine.workers=2",
    "mine.batch=2",
    "mine.folds.purge=5",
    "mine.space.learning_rate={low=0.02, high=0.3, log=true}",
    "mine.space.num_leaves={low=2, high=8}",
    "mine.space.max_depth={low=2, high=4}",
    "mine.space.colsample_bytree=[0.4, 0.7, 1.0]",
    "mine.space.min_child_samples=[5, 10]",
    "mine.space.max_bin={low=3, high=5}",
    "mine.space.n_estimators=12",
    "mine.constraints=['num_leaves <= 2 ** max_depth']",
    "mine.benchmark={num_leaves=4, n_estimators=8, max_bin=5, learning_rate=0.1,"
    "colsample_bytree=1.0}",
)
"""Of a panel as `make_run` has it."""


def plain_predictions(
    data: ShardSet, plan: Plan, params: dict[str, Any], target: str, seed: int
) -> list[NDArray[np.float64]]:
    """What a model of scikit-learn's kind predicts, fitted on a matrix of each fold."""
    found = []
    for fold in plan.folds.folds:
        features, labels = data.to_numpy(fold.train, training=True)
        y = labels.targets[:, data.target_index(target)]
        rows = np.isfinite(y)
        model = plain_model(plan.model, params, seed)
        model.fit(features[rows], y[rows])
        found.append(model.predict(data.to_numpy(fold.predicted)[0]))
    return found


def plain_model(name: str, params: dict[str, Any], seed: int) -> Any:
    """An unfitted model with the options of a trial."""
    if name == "lightgbm":
        import lightgbm as lgb

        return lgb.LGBMRegressor(**params, random_state=seed, n_jobs=1, verbose=-1)
    if name == "xgboost":
        import xgboost

        return xgboost.XGBRegressor(**params, random_state=seed, n_jobs=1, tree_method="hist")
    import catboost

    own = {"max_bin": "border_count", "max_depth": "depth", "reg_lambda": "l2_leaf_reg"}
    return catboost.CatBoostRegressor(
        **{own.get(key, key): value for key, value in params.items()},
        boosting_type="Plain",
        bootstrap_type="No",
        random_seed=seed,
        thread_count=1,
        allow_writing_files=False,
        silent=True,
    )


def lines(path: Path) -> list[dict[str, Any]]:
    """Every whole line of a journal, also those that stand twice."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
