from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.planted import OTHER, TARGET, planted_shards

from erazoo.config.schema import TrainingSection
from erazoo.errors import ConfigError, DataError, LeakageError, SchemaError, TrainingError
from erazoo.panel import EraBlock
from erazoo.publish import read_json
from etl.shards import ShardSet
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from training.keras.trainer import KerasTrainer
from training.task import FitResult, FoldTask, predict_eras
from zoo.catalogue import Params, resolve
from zoo.keras.ae_classifier import SPEC as AE
from zoo.keras.mlp import SPEC as MLP

FAST: dict[str, Any] = {"units": [16], "learning_rate": 0.01, "batch_size": 64}
ERAS = tuple(f"{number:04d}" for number in range(1, 13))
FIT, MONITOR, TEST = ERAS[:6], ERAS[7:9], ERAS[9:]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    return planted_shards(tmp_path_factory.mktemp("planted"))


def task(eras: tuple[str, ...] = MONITOR, length: int | None = None, **settings: Any) -> FoldTask:
    section = TrainingSection(**{"epochs": 6, "patience": 6, **settings})
    return FoldTask("fold-0", FIT, eras, TARGET, 3, section, length)


def fit(data: ShardSet, folder: Path, job: FoldTask, **overrides: Any) -> FitResult:
    params = resolve(MLP, "small", {**FAST, **overrides})
    return KerasTrainer().fit(MLP, params, data, job, folder)


def predictions(data: ShardSet, folder: Path, eras: Sequence[str] = TEST) -> np.ndarray:
    predictor = KerasTrainer().load(MLP, resolve(MLP, "small", {}), data.spec, folder)
    return predict_eras(predictor, data, eras)[2]


def corr(data: ShardSet, folder: Path, eras: Sequence[str]) -> float:
    labels = data.labels(eras)
    target = labels.targets[:, data.target_index(TARGET)]
    scores = numerai_corr(
        predictions(data, folder, eras), target, EraSlices.from_labels(labels.eras)
    )
    return float(np.nanmean(scores))


@pytest.fixture(scope="module")
def fitted(data: ShardSet, tmp_path_factory: pytest.TempPathFactory) -> tuple[FitResult, Path]:
    folder = tmp_path_factory.mktemp("fitted")
    return fit(data, folder, task()), folder


def test_the_planted_signal_is_found_in_eras_never_seen(
    data: ShardSet, fitted: tuple[FitResult, Path]
) -> None:
    assert corr(data, fitted[1], TEST[:2]) > 0.5


def test_the_result_describes_the_fit(fitted: tuple[FitResult, Path]) -> None:
    result, _ = fitted
    assert set(result.history) == {"loss", "val_loss", "val_corr", "val_sharpe"}
    assert {len(values) for values in result.history.values()} == {6}
    assert result.best_value == max(result.history["val_corr"])
    assert result.best_epoch == int(np.argmax(result.history["val_corr"])) + 1
    assert result.seconds > 0


def test_the_saved_network_is_the_best_epochs(
    data: ShardSet, fitted: tuple[FitResult, Path]
) -> None:
    result, folder = fitted
    assert corr(data, folder, MONITOR) == pytest.approx(result.best_value, abs=1e-6)
    record = read_json(folder / "best_epoch.json")
    assert (record["epoch"], record["value"]) == (result.best_epoch, result.best_value)


def test_rows_without_a_target_are_predicted_too(
    data: ShardSet, fitted: tuple[FitResult, Path]
) -> None:
    values = predictions(data, fitted[1])
    assert values.shape == (3 * 60,)
    assert values.dtype == np.float32
    assert ((values > 0) & (values < 1)).all()


def test_equal_seeds_give_equal_predictions_and_others_do_not(
    data: ShardSet, fitted: tuple[FitResult, Path], tmp_path: Path
) -> None:
    expected = predictions(data, fitted[1])
    fit(data, tmp_path / "same", task())
    fit(data, tmp_path / "other", dataclasses.replace(task(), seed=4))
    np.testing.assert_allclose(predictions(data, tmp_path / "same"), expected, atol=1e-6)
    assert np.abs(predictions(data, tmp_path / "other") - expected).max() > 1e-3


def test_the_loss_can_be_the_monitor(data: ShardSet, tmp_path: Path) -> None:
    result = fit(data, tmp_path, task(monitor="val_loss"))
    assert result.best_value == min(result.history["val_loss"])


def test_a_fit_stops_when_nothing_gets_better(tmp_path: Path) -> None:
    noise = planted_shards(tmp_path / "noise", signal=0.0)
    result = fit(noise, tmp_path / "model", task(epochs=40, patience=2, monitor="val_loss"))
    epochs = len(result.history["loss"])
    assert epochs < 40
    assert epochs == (result.best_epoch or 0) + 2


@pytest.mark.parametrize(
    ("job", "epochs"),
    [
        (task((), 3), 3),
        (task((), None, epochs=2), 2),
        (task(MONITOR, 4, patience=1), 4),
    ],
    ids=["length", "no monitor", "length beside a monitor"],
)
def test_a_fixed_length_runs_to_its_end(
    data: ShardSet, tmp_path: Path, job: FoldTask, epochs: int
) -> None:
    result = fit(data, tmp_path, job)
    assert len(result.history["loss"]) == epochs
    assert result.best_epoch is None
    assert result.best_value is None
    assert not (tmp_path / "best_epoch.json").exists()
    assert np.isfinite(predictions(data, tmp_path)).all()


def test_nothing_of_an_earlier_fit_stays(data: ShardSet, tmp_path: Path) -> None:
    fit(data, tmp_path, task())
    fit(data, tmp_path, task((), 1))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "model.keras",
        "state",
        "tensorboard",
    ]


class Spy(ShardSet):
    """Remembers what it was asked for."""

    asked: dict[str, list[Any]]

    def to_tf(self, eras: Sequence[str], **options: Any) -> Any:
        self.asked["eras"].append(tuple(eras))
        self.asked["options"].append(options)
        return super().to_tf(eras, **options)

    def blocks(self, eras: Sequence[str] | None = None) -> Iterator[EraBlock]:
        self.asked["eras"].append(tuple(eras or self.eras()))
        return super().blocks(eras)


def spy(data: ShardSet) -> Spy:
    watched = Spy(data.folder, data.manifest)
    watched.asked = {"eras": [], "options": []}
    return watched


def test_only_fit_and_monitor_eras_are_read(data: ShardSet, tmp_path: Path) -> None:
    watched = spy(data)
    fit(watched, tmp_path, task(epochs=1))
    assert {era for eras in watched.asked["eras"] for era in eras} == {*FIT, *MONITOR}


def test_batches_follow_the_settings_and_the_recipe(data: ShardSet, tmp_path: Path) -> None:
    watched = spy(data)
    job = task((), 1, batch_size=48, shuffle_blocks=7)
    fit(watched, tmp_path, job, batch_size=None)
    fit(watched, tmp_path, job, batch_size=32)
    settled = {"target": TARGET, "shuffle": True, "seed": 3, "shuffle_blocks": 7}
    settled |= {"training": True, "packed": False, "repeat": None, "first_epoch": 0}
    assert watched.asked["options"] == [
        {**settled, "batch_size": 48},
        {**settled, "batch_size": 32},
    ]


def test_the_target_named_is_the_target_learned(data: ShardSet, tmp_path: Path) -> None:
    fit(data, tmp_path, dataclasses.replace(task(), target=OTHER))
    assert corr(data, tmp_path, TEST[:2]) < -0.5


@pytest.mark.parametrize(
    "kind",
    [
        "multilabel",
        pytest.param("classes", marks=pytest.mark.long),
        pytest.param("ordinal", marks=pytest.mark.long),
    ],
)
def test_the_classifier_learns_through_its_heads(data: ShardSet, tmp_path: Path, kind: str) -> None:
    params = resolve(AE, "small", {"head": {"kind": kind}, "learning_rate": 0.01, "batch_size": 64})
    result = KerasTrainer().fit(AE, params, data, task(epochs=5), tmp_path)
    assert {"loss", "reconstruction_loss", "ae_head_loss", "main_head_loss"} <= set(result.history)
    assert corr(data, tmp_path, TEST[:2]) > 0.4


def test_float_features_are_learned_from(tmp_path: Path) -> None:
    floats = planted_shards(tmp_path / "floats", floats=True)
    fit(floats, tmp_path / "model", task(epochs=4))
    assert corr(floats, tmp_path / "model", TEST[:2]) > 0.4


@pytest.mark.parametrize(("wrong", "found"), [(0.0, True), (0.02, True), (1.0, False)])
def test_rows_count_by_their_training_weights(
    data: ShardSet, tmp_path: Path, wrong: float, found: bool
) -> None:
    weighted = planted_shards(tmp_path / "weighted", wrong=wrong)
    fit(weighted, tmp_path / "model", task((), 5))
    score = corr(data, tmp_path / "model", TEST[:2])
    assert score > 0.4 if found else abs(score) < 0.3


def test_the_monitor_looks_at_every_row_alike(tmp_path: Path) -> None:
    weighted = planted_shards(tmp_path / "weighted", wrong=0.0)
    result = fit(weighted, tmp_path / "model", task(monitor="val_loss"))
    labels = weighted.labels(MONITOR)
    errors = predictions(weighted, tmp_path / "model", MONITOR) - labels.targets[:, 1]
    assert result.best_value == pytest.approx(np.nanmean(errors**2), rel=1e-4)


def test_packed_shards_train_the_same_network(data: ShardSet, tmp_path: Path) -> None:
    packed = spy(planted_shards(tmp_path / "packed", codec="packed"))
    result = fit(data, tmp_path / "plain", task())
    again = fit(packed, tmp_path / "model", task())
    assert [options["packed"] for options in packed.asked["options"]] == [True, True]
    assert again.history["val_corr"] == pytest.approx(result.history["val_corr"], abs=1e-5)
    values = predictions(packed, tmp_path / "model")
    np.testing.assert_allclose(values, predictions(data, tmp_path / "plain"), atol=1e-5)


def test_the_saved_network_takes_plain_features(tmp_path: Path) -> None:
    import keras

    packed = planted_shards(tmp_path / "packed", codec="packed")
    fit(packed, tmp_path / "model", task((), 1))
    model = keras.saving.load_model(tmp_path / "model" / "model.keras", compile=False)
    assert (model.input_shape, model.inputs[0].dtype) == ((None, 8), "int8")
    assert "unpack" not in {layer.name for layer in model.layers}


def test_the_classifier_learns_from_packed_shards(tmp_path: Path) -> None:
    packed = planted_shards(tmp_path / "packed", codec="packed")
    params = resolve(AE, "small", {"learning_rate": 0.01, "batch_size": 64})
    KerasTrainer().fit(AE, params, packed, task(epochs=5), tmp_path / "model")
    assert corr(packed, tmp_path / "model", TEST[:2]) > 0.4


def test_a_loss_that_is_not_a_number_is_said_in_words(data: ShardSet, tmp_path: Path) -> None:
    def poisoned(*args: Any) -> Any:
        model = MLP.build(*args)
        layer = model.get_layer("block_1_dense")
        layer.kernel.assign(np.full(layer.kernel.shape, np.nan))
        return model

    with pytest.raises(TrainingError, match="the training loss is not finite after epoch 1"):
        KerasTrainer().fit(
            dataclasses.replace(MLP, build=poisoned),
            resolve(MLP, "small", FAST),
            data,
            task(),
            tmp_path,
        )
    assert not (tmp_path / "model.keras").exists()


class Foreign(Params):
    """Parameters of no network."""


@pytest.mark.parametrize(
    ("change", "params", "error", "message"),
    [
        ({"monitor": FIT[-1:]}, None, LeakageError, "both fitted and monitored"),
        ({"fit": ()}, None, DataError, "no row of the fit eras"),
        ({"fit": ERAS[-1:], "monitor": ()}, None, DataError, "no row of the fit eras"),
        ({"monitor": ERAS[-1:]}, None, DataError, "no row of the monitor eras"),
        ({"target": "target_none_20"}, None, SchemaError, "do not carry this target"),
        ({}, Foreign(), ConfigError, "no parameters of a network"),
    ],
    ids=["leak", "no eras", "unresolved", "unresolved monitor", "target", "family"],
)
def test_what_cannot_be_fitted_is_refused_before_anything_is_built(
    data: ShardSet,
    tmp_path: Path,
    change: dict[str, Any],
    params: Params | None,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        KerasTrainer().fit(
            MLP,
            params or resolve(MLP, "small", FAST),
            data,
            dataclasses.replace(task(), **change),
            tmp_path,
        )
    assert not list(tmp_path.iterdir())
