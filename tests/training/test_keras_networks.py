"""What networks of the zoo ask of the trainer: whole eras, further targets, files, encoders."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.planted import OTHER, TARGET, planted_shards

from erazoo.artefacts import seal
from erazoo.config.schema import TrainingSection
from etl.shards import ShardSet
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from training.families import load_model
from training.keras.batches import batches, steps
from training.keras.trainer import KerasTrainer
from training.task import FitResult, FoldTask
from zoo import catalogue
from zoo.catalogue import resolve
from zoo.keras.params import NetworkParams

ERAS = tuple(f"{number:04d}" for number in range(1, 13))
FIT, MONITOR, TEST = ERAS[:6], ERAS[7:9], ERAS[9:11]
FAST: dict[str, Any] = {"units": [16], "learning_rate": 0.01, "batch_size": 64, "dropout": 0.0}
MINE = Path(__file__).resolve().parents[1] / "zoo" / "mine.py"


@pytest.fixture(scope="module", params=["packed", pytest.param("raw", marks=pytest.mark.long)])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    return planted_shards(tmp_path_factory.mktemp("planted"), codec=request.param, wrong=0.05)


def task(name: str = "fold-0") -> FoldTask:
    settings = TrainingSection(epochs=6, patience=6)
    return FoldTask(name, FIT, MONITOR, TARGET, 3, settings)


def fit(data: ShardSet, folder: Path, model: str = "mlp", **overrides: Any) -> FitResult:
    spec = catalogue.get(model)
    params = resolve(spec, "small", {**FAST, **overrides} if model == "mlp" else overrides)
    result = KerasTrainer().fit(spec, params, data, task(), folder)
    card = {"model": spec.name, "params": params.model_dump(mode="json")}
    seal(folder, {**card, "fingerprint": data.spec.fingerprint, "fit": FIT, "monitor": MONITOR})
    return result


def score(data: ShardSet, folder: Path) -> float:
    x, labels = data.to_numpy(TEST)
    slices = EraSlices.from_labels(labels.eras)
    target = labels.targets[:, data.target_index(TARGET)]
    # Half of the rows have the opposite target and a small weight.
    kept = np.where(np.arange(len(target)) % 2 == 0, target, np.nan)
    return float(np.nanmean(numerai_corr(load_model(folder, data.spec)(x), kept, slices)))


@pytest.mark.parametrize("loss", ["corr", "pearson"])
def test_losses_of_whole_eras_find_the_signal(data: ShardSet, tmp_path: Path, loss: str) -> None:
    result = fit(data, tmp_path, head={"loss": loss}, batch_eras=2)
    losses = result.history["loss"]
    assert losses[-1] < losses[0] < 1.2
    assert score(data, tmp_path) > 0.5


def test_the_loss_of_eras_is_that_of_their_scores(data: ShardSet, tmp_path: Path) -> None:
    """Whole monitor eras: the validation loss is 1 - their mean CORR, which is measured apart."""
    result = fit(data, tmp_path, head={"loss": "corr"}, batch_eras=2)
    for loss, corr in zip(result.history["val_loss"], result.history["val_corr"], strict=True):
        assert loss == pytest.approx(1 - corr, abs=1e-4)


def test_whole_eras_arrive_with_their_places(data: ShardSet) -> None:
    params = resolve(catalogue.get("mlp"), "small", {"batch_eras": 2, **FAST})
    assert isinstance(params, NetworkParams)
    seen = list(batches(data, FIT, task(), params, training=True).take(3))
    assert steps(data, FIT, task(), params) == 3
    for features, (target, places), weights in seen:
        assert set(places.numpy()) == {0, 1}
        assert len(features) == len(target) == len(weights)
    assert sum(len(target) for _, (target, _), _ in seen) == data.rows(FIT, TARGET, training=True)


def test_a_further_target_has_a_head_of_its_own(data: ShardSet, tmp_path: Path) -> None:
    """`OTHER` is 1 - `TARGET`: a head that read the wrong column would not find the signal."""
    result = fit(data, tmp_path, head={"auxiliary": {OTHER: 0.5}})
    history = result.history
    assert history[f"{OTHER}_loss"][-1] < history[f"{OTHER}_loss"][0]
    whole = history["main_head_loss"][-1] + 0.5 * history[f"{OTHER}_loss"][-1]
    assert history["loss"][-1] == pytest.approx(whole, rel=1e-4)
    assert score(data, tmp_path) > 0.5


@pytest.mark.parametrize("model", ["tabm", "ft_transformer", "realmlp", "autoencoder"])
def test_networks_with_layers_of_their_own_train_and_load(
    data: ShardSet, tmp_path: Path, model: str
) -> None:
    own = {"supervised": True} if model == "autoencoder" else {}
    fit(data, tmp_path, model, learning_rate=5e-3, batch_size=64, **own)
    assert score(data, tmp_path) > 0.3


def test_a_perceptron_reads_the_code_of_the_same_fold(data: ShardSet, tmp_path: Path) -> None:
    fit(data, tmp_path / "autoencoder" / "folds" / "fold-0", "autoencoder")
    fit(data, tmp_path / "mlp", encoder=str(tmp_path / "autoencoder"))
    shutil.rmtree(tmp_path / "autoencoder")
    assert score(data, tmp_path / "mlp") > 0.5


def test_a_users_own_network_is_trained_and_loads_without_its_file(
    data: ShardSet, tmp_path: Path
) -> None:
    own = Path(shutil.copy(MINE, tmp_path / "own.py"))
    fit(data, tmp_path / "model", str(own), learning_rate=5e-3, batch_size=64)
    own.unlink()
    assert score(data, tmp_path / "model") > 0.5
    fitted = dataclasses.replace(catalogue.get("linear"))
    KerasTrainer().fit(fitted, resolve(fitted, "", {}), data, task(), tmp_path / "model")
    assert not (tmp_path / "model" / "plugin.py").exists()
