"""Blends of the catalogue: the contract of estimators, and the mean of the members' ranks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from contracts.estimator_contract import FITTED, UNSEEN, EstimatorContract, predicted
from contracts.planted import TARGET

from erazoo.config.schema import TrainingSection
from erazoo.errors import ArtifactError, ConfigError
from erazoo.publish import make_dir
from etl.shards import ShardSet
from scoring.eras import EraSlices
from scoring.ranks import era_ranks
from training.families import trainer_of
from training.task import FoldTask, predict_eras
from zoo import catalogue

SMALL: dict[str, Any] = {"n_estimators": 15, "learning_rate": 0.2}
LIGHTGBM = {**SMALL, "min_child_samples": 5, "colsample_bytree": 0.7}
TASK = FoldTask("fold-0", FITTED, (), TARGET, 3, TrainingSection(threads=1))


class BlendContract(EstimatorContract):
    """What every blend must do."""

    def test_the_prediction_is_the_mean_of_the_members_ranks(
        self, planted: ShardSet, fitted: Path, tmp_path: Path
    ) -> None:
        _, eras, _ = predict_eras(lambda x: np.zeros(len(x), "f4"), planted, UNSEEN)
        slices = EraSlices.from_labels(eras)
        ranks = []
        for one in self.spec().build(self.params(), planted.spec):
            trainer, folder = trainer_of(one.spec), make_dir(tmp_path / one.name)
            trainer.fit(one.spec, one.params, planted, TASK, folder)
            alone = trainer.load(one.spec, one.params, planted.spec, folder)
            ranks.append(era_ranks(predict_eras(alone, planted, UNSEEN)[2], slices))
        assert len(ranks) == len(self.options)
        np.testing.assert_allclose(predicted(planted, fitted), np.mean(ranks, axis=0), atol=1e-6)

    def test_members_lie_in_folders_of_their_names(self, fitted: Path) -> None:
        assert {path.name for path in fitted.iterdir()} == {*self.params().members, "card.json"}

    def test_a_model_that_is_not_fitted_says_so(self, planted: ShardSet, tmp_path: Path) -> None:
        with pytest.raises(ArtifactError):
            trainer_of(self.spec()).load(self.spec(), self.params(), planted.spec, tmp_path)


class BoostedBlendContract(BlendContract):
    """What every blend of boosted models must do."""

    @pytest.mark.parametrize("preset", ["small", "demo", "example"])
    def test_presets_are_those_of_the_members(self, preset: str) -> None:
        params: Any = catalogue.resolve(self.spec(), preset, {})
        for name, member in params.members.items():
            assert member == catalogue.resolve(catalogue.get(name), preset, {})

    def test_a_member_that_watches_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="xgboost would watch eras"):
            self.params(xgboost={**SMALL, "early_stopping": 5})

    def test_a_gpu_is_asked_for_unless_all_members_do_without(self) -> None:
        assert self.params().device == "auto"
        held = {name: {**given, "device": "cpu"} for name, given in self.options.items()}
        assert self.params(**held).device == "cpu"


class TestGpuBoosting(BoostedBlendContract):
    name = "gpu_boosting_ensemble"
    options: ClassVar = {"lightgbm": LIGHTGBM, "xgboost": SMALL, "catboost": SMALL}


class TestHighMemory(BoostedBlendContract):
    name = "high_memory"
    options: ClassVar = {"lightgbm": LIGHTGBM, "xgboost": SMALL}

    def test_rows_are_never_sampled(self) -> None:
        with pytest.raises(ConfigError, match="every tree of high_memory sees every row"):
            self.params(lightgbm={"subsample": 0.5})


SEARCHES: dict[str, Any] = {
    "h2o": {"max_models": 2, "folds": 2, "algorithms": ["GBM", "GLM"], "memory_mb": 1024},
    "tpot": {"population": 3, "generations": 1, "folds": 2, "regressors": ["ridge"]},
}


@pytest.mark.long
@pytest.mark.timeout(900)
class TestH2OTPOT(BlendContract):
    name = "h2o_tpot_ensemble"
    options: ClassVar = SEARCHES


@pytest.mark.parametrize("preset", ["demo", "hour"])
def test_presets_of_h2o_tpot_are_those_of_its_members(preset: str) -> None:
    params: Any = catalogue.resolve(catalogue.get("h2o_tpot_ensemble"), preset, {})
    assert params.h2o == catalogue.resolve(catalogue.get("h2o_automl"), preset, {})
    assert params.tpot == catalogue.resolve(catalogue.get("tpot"), preset, {})
    standard: Any = catalogue.resolve(catalogue.get("h2o_tpot_ensemble"), "standard", {})
    assert standard == catalogue.resolve(catalogue.get("h2o_tpot_ensemble"), "", {})
