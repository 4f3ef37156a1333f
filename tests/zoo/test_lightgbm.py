from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from contracts.boosting_contract import BoostingContract
from contracts.estimator_contract import predicted
from contracts.planted import planted_shards

from erazoo.errors import ConfigError
from etl.shards import ShardSet


class TestLightGBM(BoostingContract):
    name = "lightgbm"
    options: ClassVar = {
        "n_estimators": 15,
        "learning_rate": 0.2,
        "colsample_bytree": 0.7,
        "min_child_samples": 5,
    }
    kinds: ClassVar = {
        "regression": {},
        "classes": {"kind": "classes"},
        "rank": {"kind": "rank"},
        "xendcg": {"kind": "rank", "ranking": "rank_xendcg"},
        "corr": {"kind": "corr"},
    }
    ranks_rows = True
    trains = "lightgbm.train"
    gpu: ClassVar = {"device_type": "gpu", "gpu_device_id": 0}

    @classmethod
    def certain(cls) -> dict[str, Any]:
        return {"colsample_bytree": 1.0}

    def test_linear_trees_have_no_contributions(self, planted: ShardSet, tmp_path: Path) -> None:
        self.fit(planted, tmp_path, linear_tree=True)
        model = self.spec().build(self.params(linear_tree=True), planted.spec)
        model.load(tmp_path)
        with pytest.raises(ConfigError, match="no SHAP values of this model.*linear trees"):
            model.contributions(planted.to_numpy(planted.eras()[:1])[0])

    @pytest.mark.parametrize(
        "options",
        [
            {"boosting": "dart", "drop_rate": 0.5},
            {"data_sample_strategy": "goss", "learning_rate": 0.5},
            {"use_quantized_grad": True},
            {"linear_tree": True},
            {"subsample": 0.5},
            {"reg_lambda": 50.0},
            {"reg_alpha": 5.0},
            {"max_bin": 3},
            {"num_leaves": 3},
            {"max_depth": 1},
            {"colsample_bytree": 0.2},
            {"min_child_samples": 100},
        ],
        ids=lambda options: next(iter(options)),
    )
    def test_an_option_changes_the_trees(
        self, options: dict[str, Any], planted: ShardSet, fitted: Path, tmp_path: Path
    ) -> None:
        self.fit(planted, tmp_path / "own", **options)
        plain = fitted
        if "goss" in options.values():
            self.fit(planted, tmp_path / "plain", learning_rate=0.5)
            plain = tmp_path / "plain"
        assert not np.allclose(
            predicted(planted, tmp_path / "own"), predicted(planted, plain), atol=1e-4
        )
        text = (tmp_path / "own" / "model.txt").read_text()
        assert ("is_linear=1" in text) == ("linear_tree" in options)

    @pytest.mark.parametrize("name", ["drop_rate", "top_rate", "other_rate", "num_grad_quant_bins"])
    def test_an_option_of_an_option_changes_the_trees(
        self, name: str, planted: ShardSet, tmp_path: Path
    ) -> None:
        on: dict[str, dict[str, Any]] = {
            "drop_rate": {"boosting": "dart"},
            "num_grad_quant_bins": {"use_quantized_grad": True},
        }
        base = on.get(name, {"data_sample_strategy": "goss", "learning_rate": 0.5})
        values = (2, 100) if name == "num_grad_quant_bins" else (0.05, 0.4)
        for value in values:
            self.fit(planted, tmp_path / str(value), **base, **{name: value})
        one, other = (predicted(planted, tmp_path / str(value)) for value in values)
        assert not np.allclose(one, other, atol=1e-4)

    def test_dart_goes_without_early_stopping(self) -> None:
        with pytest.raises(ConfigError, match="dart changes trees that stand already"):
            self.params(boosting="dart", early_stopping=5)
        with pytest.raises(ConfigError, match="dart changes trees that stand already"):
            self.params(boosting="dart", emphasis={"by": "era_boost"})

    def test_a_larger_era_than_lightgbm_ranks_is_refused(self, tmp_path: Path) -> None:
        data = planted_shards(tmp_path / "shards", eras=2, rows=10_100, missing=0.0)
        with pytest.raises(ConfigError, match="LightGBM ranks no larger eras.*10100 rows"):
            self.fit(data, tmp_path / "fit", eras=data.eras()[:1], kind="rank")
