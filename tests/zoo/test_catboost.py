from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from contracts.boosting_contract import BoostingContract
from contracts.estimator_contract import predicted

from erazoo.errors import ConfigError
from etl.shards import ShardSet


class TestCatBoost(BoostingContract):
    name = "catboost"
    options: ClassVar = {"n_estimators": 30, "learning_rate": 0.2, "colsample_bylevel": 0.7}
    kinds: ClassVar = {
        "regression": {},
        "classes": {"kind": "classes"},
        "rank": {"kind": "rank"},
        "pairwise": {"kind": "rank", "ranking": "YetiRankPairwise", "colsample_bylevel": 1.0},
    }
    trains = "catboost.CatBoost"
    gpu: ClassVar = {"task_type": "GPU", "devices": "0"}
    gpu_options: ClassVar = {"colsample_bylevel": 1.0}

    @classmethod
    def certain(cls) -> dict[str, Any]:
        return {"colsample_bylevel": 1.0, "random_strength": 0.0}

    def test_trees_that_are_not_symmetric_have_no_contributions(
        self, planted: ShardSet, tmp_path: Path
    ) -> None:
        """CatBoost gives some that do not sum up to its predictions."""
        self.fit(planted, tmp_path, grow_policy="Lossguide")
        model = self.spec().build(self.params(grow_policy="Lossguide"), planted.spec)
        model.load(tmp_path)
        x = planted.to_numpy(planted.eras()[:3])[0]
        with pytest.raises(ConfigError, match="no SHAP values of this model.*do not sum up"):
            model.contributions(x)
        theirs = model.stage_contributions(model.stages[0], x).sum(axis=1)
        assert not np.allclose(theirs, model.predict(x), atol=1e-3)

    def test_the_gain_of_many_stages_is_that_of_their_trees_together(
        self, planted: ShardSet, tmp_path: Path
    ) -> None:
        """Trees that hardly change a prediction gain hardly anything, in their own stage too."""
        import catboost

        self.fit(planted, tmp_path, emphasis={"by": "score", "every": 15})
        model = self.spec().build(self.params(), planted.spec)
        model.load(tmp_path)
        first, second = model.stages
        model.stages = [first]
        alone = model.gain()
        model.stages = [first, catboost.sum_models([second], weights=[1e-9])]
        np.testing.assert_allclose(model.gain(), alone, atol=1e-6)
        model.stages = [first, second]
        assert not np.allclose(model.gain(), alone, atol=1e-4)

    @pytest.mark.parametrize(
        "options",
        [
            {"grow_policy": "Depthwise"},
            {"grow_policy": "Depthwise", "min_child_samples": 100},
            {"max_depth": 1},
            {"subsample": 0.5},
            {"colsample_bylevel": 0.2},
            {"reg_lambda": 50.0},
            {"random_strength": 20.0},
            {"max_bin": 2},
        ],
        ids=lambda options: list(options)[-1],
    )
    def test_an_option_changes_the_trees(
        self, options: dict[str, Any], planted: ShardSet, fitted: Path, tmp_path: Path
    ) -> None:
        self.fit(planted, tmp_path / "own", **options)
        plain = fitted
        if "min_child_samples" in options:
            self.fit(planted, tmp_path / "plain", grow_policy="Depthwise")
            plain = tmp_path / "plain"
        one, other = predicted(planted, tmp_path / "own"), predicted(planted, plain)
        assert not np.allclose(one, other, atol=1e-4)

    def test_there_is_no_kind_that_sees_whole_eras(self) -> None:
        with pytest.raises(ConfigError, match="'kind'.*'regression', 'classes' or 'rank'"):
            self.params(kind="corr")
