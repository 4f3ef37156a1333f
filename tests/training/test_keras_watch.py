from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from contracts.planted import TARGET, planted_shards
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from erazoo.config.schema import TrainingSection
from erazoo.publish import read_json
from etl.shards import ShardSet
from training.keras.batches import batches
from training.keras.batches import steps as count
from training.keras.best import BestEpoch
from training.keras.era_corr import EraCorr
from training.keras.gradients import GradientNorm
from training.keras.learner import Learner
from training.keras.monitor import Monitor
from training.keras.pace import Pace
from training.keras.progress import Progress
from training.keras.tensorboard import flat
from training.keras.watch import watchers
from training.task import FoldTask
from zoo.catalogue import resolve
from zoo.keras.learning import targets
from zoo.keras.mlp import SPEC
from zoo.keras.params import NetworkParams

FAST: dict[str, Any] = {"units": [8], "learning_rate": 0.01, "batch_size": 64}
ERAS = tuple(f"{number:04d}" for number in range(1, 9))
FIT, MONITOR = ERAS[:4], ERAS[5:7]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    return planted_shards(tmp_path_factory.mktemp("planted"), eras=8, missing=0.0)


class Fit:
    """A network that is fitted with its watchers alone, and may go on later."""

    def __init__(self, data: ShardSet, folder: Path, **settings: Any) -> None:
        self.data, self.folder = data, folder
        params = resolve(SPEC, "small", FAST)
        assert isinstance(params, NetworkParams)
        self.params = params
        section = TrainingSection(**{"epochs": 4, "batch_size": 64, **settings})
        self.task = FoldTask("fold-0", FIT, MONITOR, TARGET, 3, section)
        network = SPEC.build(params, data.spec, 3)
        self.learner = Learner(network, targets(params), data.spec)
        losses = {head.name: head.loss() for head in params.heads()}
        self.learner.compile(keras.optimizers.Adam(0.01), losses)
        self.eras = EraCorr(data, MONITOR, TARGET)
        self.best = BestEpoch(Monitor("val_corr"), 9, folder)

    def run(self, first: int, last: int, extra: Iterable[Any] = ()) -> dict[str, list[float]]:
        """Epochs `first` to `last`, counted from 1."""
        steps, parts = count(self.data, FIT, self.task, self.params), (self.task, self.params)
        train = batches(self.data, FIT, *parts, training=True, first_epoch=first - 1)
        watching = watchers(
            self.data,
            self.task,
            self.params,
            "mlp",
            self.folder,
            steps,
            eras=self.eras,
            best=self.best,
            done=first - 1,
        )
        history: dict[str, list[float]] = self.learner.fit(
            train,
            validation_data=batches(self.data, MONITOR, *parts, training=False),
            initial_epoch=first - 1,
            epochs=last,
            steps_per_epoch=steps,
            callbacks=[self.eras, self.best, *watching, *extra],
            shuffle=False,
            verbose=0,
        ).history
        return history


def events(folder: Path) -> dict[str, dict[int, Any]]:
    """By tag, the values by step; a step that is there twice fails."""
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    found: dict[str, dict[int, Any]] = {}
    for tag in accumulator.Tags()["tensors"]:
        steps = found.setdefault(tag, {})
        for event in accumulator.Tensors(tag):
            assert event.step not in steps, f"{tag} has step {event.step} twice"
            steps[event.step] = make_ndarray(event.tensor_proto)
    return found


@pytest.fixture(scope="module")
def fitted(data: ShardSet, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A fit killed after epoch 3 whose saved state is that of epoch 2, and that goes on."""
    folder = tmp_path_factory.mktemp("fitted")
    first = Fit(data, folder, tensorboard="weights", profile=(2, 3)).run(1, 3)
    fit = Fit(data, folder, tensorboard="weights")
    then = fit.run(3, 4)
    history = {name: [*first[name][:2], *then[name]] for name in first}
    return fit, history, events(folder / "tensorboard/train"), folder


def test_curves_hold_every_epoch_once_after_a_resume(fitted: Any) -> None:
    _, history, train, folder = fitted
    validation = events(folder / "tensorboard/validation")
    for found, tag, name in (
        (train, "epoch_loss", "loss"),
        (validation, "epoch_loss", "val_loss"),
        (validation, "epoch_corr", "val_corr"),
    ):
        assert list(found[tag]) == [1, 2, 3, 4]
        np.testing.assert_allclose(list(found[tag].values()), history[name], rtol=1e-5)
    assert [float(v) for v in train["epoch_learning_rate"].values()] == pytest.approx([0.01] * 4)
    assert all(v > 0 for tag in ("rows_per_second", "gradient_norm") for v in train[tag].values())


def test_corr_by_era_is_a_curve_and_a_histogram(fitted: Any) -> None:
    fit, _, _, folder = fitted
    found = events(folder / "tensorboard/validation")
    curves = [found[f"era_corr/{era}"] for era in MONITOR]
    means = np.mean([[float(v) for v in curve.values()] for curve in curves], axis=0)
    np.testing.assert_allclose(means, [float(v) for v in found["epoch_corr"].values()], rtol=1e-5)
    assert fit.eras.scores == pytest.approx([float(curve[4]) for curve in curves], rel=1e-5)
    buckets = found["era_corr"][4]  # (buckets, [left, right, count])
    assert buckets[:, 2].sum() == len(MONITOR)
    assert buckets[0, 0] <= fit.eras.scores.min() <= fit.eras.scores.max() <= buckets[-1, 1]


def test_nothing_is_added_to_the_history(fitted: Any) -> None:
    assert set(fitted[1]) == {"loss", "val_loss", "val_corr", "val_sharpe"}


def test_weights_are_histograms_on_request(fitted: Any, data: ShardSet, tmp_path: Path) -> None:
    fit, _, train, _ = fitted
    drawn = {tag for tag in train if tag.startswith("weights/")}
    assert drawn == {f"weights/{weight.path}" for weight in fit.learner.network.weights}
    plain = Fit(data, tmp_path)
    plain.run(1, 1)
    assert not [tag for tag in events(tmp_path / "tensorboard/train") if tag.startswith("weights/")]


def test_the_graph_names_the_layers(fitted: Any) -> None:
    fit, *_, folder = fitted
    accumulator = EventAccumulator(str(folder / "tensorboard/train"))
    accumulator.Reload()
    parts = {part for node in accumulator.Graph().node for part in node.name.split("/")}
    scopes = {re.sub(r"_\d+$", "", part) for part in parts}  # Keras numbers the calls of a layer
    layers = [layer.name for layer in fit.learner.network.layers if layer.weights]
    assert layers
    assert set(layers) <= scopes


def test_hyperparameters_are_those_of_the_network(fitted: Any) -> None:
    from tensorboard.plugins.hparams import metadata

    *_, folder = fitted
    accumulator = EventAccumulator(str(folder / "tensorboard"))
    accumulator.Reload()
    content = accumulator.summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    start = metadata.parse_session_start_info_plugin_data(content)
    said = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
    assert start.group_name.startswith("mlp ")
    assert said["model"] == "mlp"
    assert said["learning_rate"] == 0.01
    assert said["head.kind"] == "regression"
    assert said["batch_size"] == 64
    assert metadata.SESSION_END_INFO_TAG in accumulator.summary_metadata


def test_the_profile_of_chosen_steps_is_written(fitted: Any) -> None:
    *_, folder = fitted
    assert list(folder.glob("tensorboard/plugins/profile/*/*.xplane.pb"))


def test_a_profile_beyond_the_last_step_is_said_to_be_missing(
    data: ShardSet, tmp_path: Path, seen_logs: pytest.LogCaptureFixture
) -> None:
    Fit(data, tmp_path, profile=(500, 510)).run(1, 1)
    assert "no profile: the fit had 4 steps, not 500" in seen_logs.text
    assert not (tmp_path / "tensorboard/plugins").exists()


def test_tensorboard_can_be_off(data: ShardSet, tmp_path: Path) -> None:
    Fit(data, tmp_path, tensorboard="off").run(1, 1)
    assert not (tmp_path / "tensorboard").exists()


def test_progress_is_shown_while_a_fit_runs_and_goes_with_it(
    data: ShardSet, tmp_path: Path
) -> None:
    seen: list[dict[str, Any]] = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(read_json(tmp_path / "progress.json"))
    )
    history = Fit(data, tmp_path).run(1, 2, [look])
    assert [(s["name"], s["epoch"], s["step"], s["steps"]) for s in seen] == [
        ("fold-0", 1, 0, 4),
        ("fold-0", 2, 0, 4),
    ]
    assert seen[1]["rows_per_second"] > 0
    assert seen[1]["best"]["value"] == max(history["val_corr"])
    assert list(seen[1]["history"]["val_corr"].values()) == history["val_corr"]
    assert not (tmp_path / "progress.json").exists()


def test_progress_of_a_loss_that_is_no_number_is_still_json(tmp_path: Path) -> None:
    progress = Progress(tmp_path, "fold-0", 3, 2, pace=Pace(10), best=None)
    progress.on_epoch_end(0, {"loss": math.nan})
    assert json.loads((tmp_path / "progress.json").read_text())["history"] == {"loss": {"1": None}}


def test_the_gradient_norm_is_that_of_the_steps() -> None:
    """One linear weight and mean squared error: the gradient is known."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.zeros((1, 1))])
    model.compile(keras.optimizers.SGD(0.0, global_clipnorm=0.1), "mse")
    norm = GradientNorm()
    x, y = np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]])
    model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(1), callbacks=[norm], verbose=0)
    assert norm.mean == pytest.approx((2 * 1 + 2 * 3 * 2) / 2)
    assert "apply" not in vars(model.optimizer)


def test_nested_options_get_dotted_names() -> None:
    options = {"head": {"kind": "classes", "weights": [1, 2]}, "seed": 3, "batch_eras": None}
    assert flat(options) == {"head.kind": "classes", "head.weights": "[1, 2]", "seed": 3}
