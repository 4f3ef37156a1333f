"""What features are worth, beside a trained model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from contracts.planted import TARGET, planted_shards

from erazoo.config import Config
from erazoo.errors import ConfigError
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.build import open_shards
from training.importance import group_sums, permutation_losses, summarised
from training.in_sample import sampled_eras
from training.job import Job
from training.loop import train_model
from training.shap_values import SHAP_ERAS, SHAP_ROWS, MeanContributions
from zoo import catalogue

Make = Callable[..., tuple[Config, RunDir]]


def test_permuting_a_feature_costs_what_it_says(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards")
    columns = {"used": np.array([0]), "both": np.array([0, 1]), "idle": np.array([5])}
    found = permutation_losses(
        lambda x: (x[:, 0] + x[:, 1]).astype(np.float32), data, data.eras()[:9], TARGET, columns, 3
    )
    means = {name: np.mean(values) for name, values in found.items()}
    assert found["idle"] == [0.0] * 9
    assert means["both"] > means["used"] + 0.1 > 0.2


def test_an_era_without_target_has_no_loss(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards")
    found = permutation_losses(
        lambda x: x[:, 0].astype(np.float32),
        data,
        data.eras()[-2:],
        TARGET,
        {"a": np.array([0])},
        3,
    )
    assert np.isfinite(found["a"][0])
    assert np.isnan(found["a"][1])
    assert summarised(found)["a"]["corr"] == pytest.approx(found["a"][0])


def test_groups_may_overlap() -> None:
    gain = np.array([0.5, 0.3, 0.2])
    found = group_sums(gain, ["a", "b", "c"], {"one": ["a", "b"], "two": ["b", "c"]})
    assert found == pytest.approx({"one": 0.8, "two": 0.5})


def test_it_lies_beside_the_model(make_run: Make) -> None:
    config, run = make_run("models.lightgbm.importance=permutation")
    train_model(config, run, "lightgbm")
    found = read_json(run.path("models", "lightgbm", "importance.json"))
    gain, losses = found["gain"], found["permutation"]
    assert sum(gain["features"].values()) == pytest.approx(1)
    assert gain["groups"]["all"] == pytest.approx(1)
    assert next(iter(gain["features"])) == next(iter(losses["features"])) == "feature_0"
    assert losses["groups"]["small"]["corr"] > losses["features"]["feature_3"]["corr"]
    assert losses["features"]["feature_0"]["corr"] > 0.2
    assert losses["features"]["feature_0"]["error"] > 0


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost"])
def test_shap_values_are_those_of_the_folds_models_on_unseen_rows(
    make_run: Make, name: str
) -> None:
    own = (f"models.{name}.params.n_estimators=20", f"models.{name}.params.device=cpu")
    config, run = make_run(f"models.{name}.importance=shap", *own, "split.folds=2")
    train_model(config, run, name)
    found = read_json(run.path("models", name, "importance.json"))
    assert set(found) == {"gain", "shap"}
    data, plan = open_shards(config, run)
    rows, sums, groups = 0, 0.0, 0.0
    small = data.spec.columns(data.spec.groups["small"])
    for fold in plan.development:
        model = catalogue.get(name).build(Job.of(config, run, name).params, data.spec)
        model.load(run.path("models", name, "folds", fold.name))
        for block in data.blocks(sampled_eras(fold.validation, SHAP_ERAS)):
            assert len(block) <= SHAP_ROWS
            values = model.contributions(block.features)[:, :-1]
            rows, sums = rows + len(values), sums + np.abs(values).sum(axis=0)
            groups += np.abs(values[:, small].sum(axis=1)).sum()
    shap = found["shap"]
    assert shap["rows"] == rows
    expected = dict(zip(data.spec.names, sums / rows, strict=True))
    assert shap["features"] == pytest.approx(expected)
    assert shap["groups"]["small"] == pytest.approx(groups / rows)
    assert next(iter(shap["features"])) == "feature_0"
    assert list(shap["features"].values()) == sorted(shap["features"].values(), reverse=True)


def test_shap_values_of_several_fits_are_their_mean_and_of_few_rows(
    make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.shap_values.SHAP_ROWS", 7)
    monkeypatch.setattr("training.shap_values.SHAP_ERAS", 3)
    settings = ("models.lightgbm.importance=shap", "split.folds=2", "models.lightgbm.seeds=2")
    config, run = make_run(*settings)
    train_model(config, run, "lightgbm")
    found = read_json(run.path("models", "lightgbm", "importance.json"))["shap"]
    assert found["rows"] == 2 * 2 * 3 * 7
    kept = found["features"]
    run.path("stages", "train-lightgbm.json").unlink()
    train_model(config, run, "lightgbm")
    assert read_json(run.path("models", "lightgbm", "importance.json"))["shap"]["features"] == kept


def test_contributions_of_a_group_add_up_before_their_size_is_taken() -> None:
    found = MeanContributions(["a", "b"], {"both": np.array([0, 1])})
    found.add(np.array([[1.0, -1.0, 9.0], [2.0, 1.0, 9.0]]))
    assert found.to_json() == {
        "rows": 2,
        "features": {"a": 1.5, "b": 1.0},
        "groups": {"both": 1.5},
    }


@pytest.mark.parametrize(
    ("name", "option", "words"),
    [
        ("ridge", "alpha=1", "models.ridge has no SHAP values.*or a boosted model"),
        ("lightgbm", "linear_tree=true", "has no SHAP values: LightGBM has none of linear trees"),
        ("catboost", "grow_policy=Depthwise", "has no SHAP values: CatBoost's of trees grown"),
    ],
)
def test_shap_values_are_refused_before_any_fit(
    make_run: Make, name: str, option: str, words: str
) -> None:
    config, run = make_run(f"models.{name}.importance=shap", f"models.{name}.params.{option}")
    with pytest.raises(ConfigError, match=words):
        train_model(config, run, name)
    assert not run.path("models", name).exists()


def test_it_goes_where_it_is_no_longer_asked_for(make_run: Make) -> None:
    config, run = make_run("models.lightgbm.importance=gain")
    train_model(config, run, "lightgbm")
    path = run.path("models", "lightgbm", "importance.json")
    assert set(read_json(path)) == {"gain"}
    config, _ = make_run()
    assert not train_model(config, run, "lightgbm")["fitted"]
    assert not path.exists()


def test_ridge_has_permutations_and_no_gain(make_run: Make) -> None:
    config, run = make_run("models.ridge.importance=gain")
    with pytest.raises(ConfigError, match="models.ridge has no splits to gain from"):
        Job.of(config, run, "ridge")
    config, _ = make_run("models.ridge.importance=permutation")
    train_model(config, run, "ridge")
    assert set(read_json(run.path("models", "ridge", "importance.json"))) == {"permutation"}
