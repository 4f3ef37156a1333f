from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from contracts.boosting_contract import BoostingContract
from contracts.estimator_contract import predicted

from erazoo.errors import ConfigError
from etl.shards import ShardSet


class TestXGBoost(BoostingContract):
    name = "xgboost"
    options: ClassVar = {"n_estimators": 15, "learning_rate": 0.2, "colsample_bytree": 0.7}
    kinds: ClassVar = {
        "regression": {},
        "classes": {"kind": "classes"},
        "rank": {"kind": "rank"},
        "pairwise": {"kind": "rank", "ranking": "pairwise"},
        "corr": {"kind": "corr"},
    }
    trains = "xgboost.train"
    gpu: ClassVar = {"device": "cuda:0"}

    @classmethod
    def certain(cls) -> dict[str, Any]:
        return {"colsample_bytree": 1.0}

    @pytest.mark.parametrize(
        "options",
        [
            {"booster": "dart", "rate_drop": 0.5},
            {"max_leaves": 3, "grow_policy": "lossguide"},
            {"max_depth": 1},
            {"subsample": 0.5},
            {"colsample_bytree": 0.2},
            {"colsample_bynode": 0.5},
            {"min_child_weight": 60.0},
            {"reg_lambda": 50.0},
            {"reg_alpha": 5.0},
            {"gamma": 1.0},
            {"max_bin": 2},
        ],
        ids=lambda options: next(iter(options)),
    )
    def test_an_option_changes_the_trees(
        self, options: dict[str, Any], planted: ShardSet, fitted: Path, tmp_path: Path
    ) -> None:
        self.fit(planted, tmp_path, **options)
        assert not np.allclose(predicted(planted, tmp_path), predicted(planted, fitted), atol=1e-4)

    def test_dart_goes_without_early_stopping(self) -> None:
        with pytest.raises(ConfigError, match="dart changes trees that stand already"):
            self.params(booster="dart", early_stopping=5)
