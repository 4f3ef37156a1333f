"""XGBoost and CatBoost by the interface of LightGBM: the same as a plain loop, prefixes too."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.mining import SETTINGS, plain_predictions

from erazoo.config import load
from etl.build import open_shards
from search.api import Mining
from search.driver import mine
from search.scores import Mined

OWN = {
    "xgboost": (
        "mine.space.min_child_weight=[1, 5]",
        "mine.space.colsample_bytree=[0.5, 1.0]",
        "mine.benchmark={max_depth=2, learning_rate=0.1, n_estimators=8, max_bin=5,"
        "colsample_bytree=1.0}",
    ),
    "catboost": (
        "mine.space.colsample_bylevel=[0.5, 1.0]",
        "mine.benchmark={max_depth=2, learning_rate=0.1, n_estimators=8, max_bin=5,"
        "colsample_bylevel=1.0}",
    ),
}
DROPPED = ("num_leaves", "colsample_bytree", "min_child_samples", "constraints", "benchmark")


def study(model: str, make_run, *settings: str, name: str = "run") -> Mining:
    kept = [text for text in SETTINGS if not any(word in text for word in DROPPED)]
    config, run = make_run(*kept, f"mine.model={model}", *OWN[model], *settings, name=name)
    return Mining.of(config, run.root)


@pytest.mark.parametrize("model", OWN)
def test_predictions_and_prefixes_are_those_of_a_plain_loop(model, make_run) -> None:
    mining = study(model, make_run, "mine.prefixes=[5]")
    mine(mining.config, mining.run)
    data, _ = open_shards(mining.config, mining.run)
    found = Mined.open(mining.folder)
    assert len(found.configurations) == 10
    for result, one in found.configurations:
        params = {**result.params, "n_estimators": one.trees}
        plain = plain_predictions(data, found.plan, params, result.target, result.seed)
        stored = found.predictions([one.id])[:, 0].astype(np.float64)
        for fold, span in enumerate(found.rows.fold_spans):
            ours = stored[span] + result.offsets[fold]
            np.testing.assert_allclose(ours, plain[fold], atol=1e-6, rtol=0)
            assert stored[span].std() > 0


@pytest.mark.parametrize("model", OWN)
@pytest.mark.long
def test_scores_of_prefixes_are_those_of_separate_trainings(model, make_run) -> None:
    together = study(model, make_run, "mine.prefixes=[5]", "mine.trials=3")
    mine(together.config, together.run)
    apart = study(model, make_run, "mine.space.n_estimators=5", "mine.trials=3", name="apart")
    mine(apart.config, apart.run)
    prefixes = {one.id: one for _, one in Mined.open(together.folder).configurations}
    compared = 0
    for result, one in Mined.open(apart.folder).configurations:
        if not result.is_benchmark:
            for score, value in one.validation.items():
                assert prefixes[one.id].validation[score] == pytest.approx(value, abs=1e-9)
                compared += 1
    assert compared == 6


def test_an_unknown_option_of_a_library_is_refused() -> None:
    from erazoo.errors import ConfigError
    from search.options import check_names

    with pytest.raises(ConfigError, match="no such option"):
        check_names("xgboost", ["num_leaves"])
    with pytest.raises(ConfigError, match="does not vary"):
        check_names("xgboost", ["booster"])
    with pytest.raises(ConfigError, match="mine.model"):
        load(overrides=["mine.model=ridge"], variables={})
