"""Ridge and LightGBM straight from shards, against the libraries' own matrices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from erazoo.artefacts import seal
from erazoo.config.schema import TrainingSection
from erazoo.errors import ArtifactError, ConfigError, SchemaError, UnknownModelError
from erazoo.folds import FoldPlan
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from training.families import load_model, trainer_of
from training.task import FoldTask, predict_eras
from zoo import catalogue

TARGET = "target_ender_20"
Opened = tuple[ShardSet, FoldPlan]
CASES = [("ridge", {"alpha": 7.0}), ("lightgbm", {"n_estimators": 15, "colsample_bytree": 0.5})]


def fit(name: str, options: dict[str, object], opened: Opened, folder: Path, seed: int = 3) -> None:
    shards, plan = opened
    spec = catalogue.get(name)
    params = catalogue.resolve(spec, "", options)
    task = FoldTask("fold-0", plan.folds[0].train, (), TARGET, seed)
    trainer_of(spec).fit(spec, params, shards, task, folder)
    card = {"model": name, "params": params.model_dump(), "fingerprint": shards.spec.fingerprint}
    seal(folder, card)


@pytest.mark.parametrize(("threads", "expected"), [(0, 3), (2, 2)])
def test_lightgbm_takes_the_cores_that_it_may_use(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, expected: int
) -> None:
    import lightgbm

    monkeypatch.setattr("training.estimator.cores", lambda: 3)
    monkeypatch.setattr("zoo.boosting.lightgbm.cores", lambda: 3)
    trained, predicted = lightgbm.train, lightgbm.Booster.predict
    seen: list[object] = []

    def spy_train(options: dict[str, object], *rest: object, **named: object) -> object:
        seen.append(options["num_threads"])
        return trained(options, *rest, **named)

    def spy_predict(self: object, data: object, **options: object) -> object:
        seen.append(options["num_threads"])
        return predicted(self, data, **options)

    monkeypatch.setattr(lightgbm, "train", spy_train)
    monkeypatch.setattr(lightgbm.Booster, "predict", spy_predict)
    shards, plan = opened
    spec = catalogue.get("lightgbm")
    params = catalogue.resolve(spec, "", {"n_estimators": 2})
    settings = TrainingSection(threads=threads)
    task = FoldTask("f", plan.folds[0].train, (), TARGET, 0, settings)
    trainer_of(spec).fit(spec, params, shards, task, tmp_path)
    model = trainer_of(spec).load(spec, params, shards.spec, tmp_path)
    model(shards.to_numpy(plan.folds[0].validation)[0])
    assert seen == [expected, 3]


def test_ridge_equals_scikit_learn(opened: Opened, tmp_path: Path) -> None:
    from sklearn.linear_model import Ridge

    shards, plan = opened
    eras = (*plan.folds[0].train, "0037")
    spec = catalogue.get("ridge")
    params = catalogue.resolve(spec, "", {"alpha": 7.0})
    task = FoldTask("f", eras, (), TARGET, 0)
    trainer_of(spec).fit(spec, params, shards, task, tmp_path)
    ours = trainer_of(spec).load(spec, params, shards.spec, tmp_path)
    x, labels = shards.to_numpy(plan.folds[0].train)
    model = Ridge(alpha=7.0).fit(x.astype(float), labels.targets[:, 0].astype(float))
    new = shards.to_numpy(plan.folds[0].validation)[0]
    np.testing.assert_allclose(ours(new), model.predict(new.astype(float)), atol=1e-6)


def test_lightgbm_equals_a_fit_on_the_whole_matrix(opened: Opened, tmp_path: Path) -> None:
    import lightgbm

    shards, plan = opened
    fit("lightgbm", {"n_estimators": 15, "colsample_bytree": 0.5}, opened, tmp_path)
    x, labels = shards.to_numpy(plan.folds[0].train)
    model = lightgbm.LGBMRegressor(
        n_estimators=15,
        learning_rate=0.01,
        max_depth=5,
        num_leaves=31,
        colsample_bytree=0.5,
        min_child_samples=20,
        random_state=3,
        deterministic=True,
        force_col_wise=True,
        verbosity=-1,
    ).fit(x.astype(np.float32), labels.targets[:, 0])
    new = shards.to_numpy(plan.folds[0].validation)[0]
    ours = load_model(tmp_path, shards.spec)(new)
    np.testing.assert_allclose(ours, model.predict(new.astype(np.float32)), atol=1e-6)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_new_process_predicts_the_same(
    name: str, options: dict[str, object], opened: Opened, tmp_path: Path
) -> None:
    shards, plan = opened
    fit(name, options, opened, tmp_path)
    ids, eras, here = predict_eras(
        load_model(tmp_path, shards.spec), shards, plan.folds[0].validation
    )
    assert len(set(ids)) == len(ids) == shards.rows(plan.folds[0].validation)
    assert list(dict.fromkeys(eras)) == list(plan.folds[0].validation)
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from etl.shards import ShardSet; from training.families import load_model\n"
        "s = ShardSet.open(Path(sys.argv[1]))\n"
        "p = load_model(Path(sys.argv[2]), s.spec)(s.to_numpy(sys.argv[4].split(','))[0])\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
        "np.save(sys.argv[3], p)"
    )
    out = tmp_path / "p.npy"
    eras_word = ",".join(plan.folds[0].validation)
    words = [sys.executable, "-c", code, str(shards.folder), str(tmp_path), str(out), eras_word]
    subprocess.run(words, check=True)
    np.testing.assert_array_equal(np.load(out), here)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_equal_seeds_give_equal_models(
    name: str, options: dict[str, object], opened: Opened, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        fit(name, options, opened, tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        if path.suffix != ".json":
            assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_planted_signal_is_found(
    name: str, options: dict[str, object], opened: Opened, tmp_path: Path
) -> None:
    shards, plan = opened
    fit(name, options, opened, tmp_path)
    x, labels = shards.to_numpy(plan.folds[0].validation)
    found = load_model(tmp_path, shards.spec)(x)
    assert np.corrcoef(found, labels.targets[:, 0])[0, 1] > 0.5


def test_a_changed_model_is_refused(opened: Opened, tmp_path: Path) -> None:
    shards, _ = opened
    fit("lightgbm", {"n_estimators": 3}, opened, tmp_path)
    path = tmp_path / "model.txt"
    path.write_text(path.read_text().replace("num_leaves=", "num_leaves= ", 1))
    with pytest.raises(ArtifactError, match="has changed"):
        load_model(tmp_path, shards.spec)


def test_other_features_are_refused(opened: Opened, tmp_path: Path) -> None:
    fit("ridge", {}, opened, tmp_path)
    with pytest.raises(SchemaError, match="trained on other features"):
        load_model(tmp_path, FeatureSpec(("feature_1", "feature_0")))


def test_the_catalogue_names_the_nearest() -> None:
    with pytest.raises(UnknownModelError, match="rigde.*ridge") as caught:
        catalogue.get("rigde")
    assert caught.value.exit_code == 2
    spec = catalogue.get("ridge")
    with pytest.raises(ConfigError, match="no parameter 'alph'.*alpha"):
        catalogue.resolve(spec, "", {"alph": 1})
    with pytest.raises(ConfigError, match="no such preset.*smal.*small"):
        catalogue.resolve(spec, "smal", {})
    with pytest.raises(ConfigError, match="'alpha'.*greater than 0.*-1"):
        catalogue.resolve(spec, "", {"alpha": -1})


def test_every_preset_is_valid() -> None:
    for name in catalogue.names():
        spec = catalogue.get(name)
        assert spec.presets
        for preset in spec.presets:
            catalogue.resolve(spec, preset, {})
