from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from erazoo.errors import TrainingError
from erazoo.publish import read_json
from training.keras import best
from training.keras.best import RECORD, BestEpoch
from training.keras.monitor import Monitor


@pytest.fixture
def model() -> Any:
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="only")])
    network.stop_training = False
    return network


def watch(model: Any, folder: Path, values: list[float], patience: int = 9) -> BestEpoch:
    """Epoch k leaves k as the only weight of the model."""
    callback = BestEpoch(Monitor("val_loss"), patience, folder)
    callback.set_model(model)
    for epoch, value in enumerate(values):
        model.get_layer("only").kernel.assign([[epoch + 1.0]])
        callback.on_epoch_end(epoch, {"loss": 1.0, "val_loss": value})
    return callback


def weight(model: Any) -> float:
    return float(model.get_layer("only").kernel[0, 0])


def test_the_weights_of_the_best_epoch_come_back(model: Any, tmp_path: Path) -> None:
    callback = watch(model, tmp_path, [3.0, float("nan"), 1.0, 2.0, 1.0])
    assert weight(model) == 5
    callback.restore()
    assert weight(model) == 3


def test_the_record_says_epoch_value_direction_and_history(model: Any, tmp_path: Path) -> None:
    watch(model, tmp_path, [3.0, float("nan"), 1.0])
    assert read_json(tmp_path / RECORD) == {
        "epoch": 3,
        "monitor": "val_loss",
        "higher_is_better": False,
        "value": 1.0,
        "weights": "epoch-0003.weights.h5",
        "history": {"loss": [1.0, 1.0, 1.0], "val_loss": [3.0, None, 1.0]},
    }
    assert [path.name for path in tmp_path.glob("*.h5")] == ["epoch-0003.weights.h5"]


@pytest.mark.parametrize(
    ("patience", "stops"), [(0, [False, True]), (1, [False, True]), (2, [False, False, True])]
)
def test_patience_counts_epochs_without_a_better_one(
    model: Any, tmp_path: Path, patience: int, stops: list[bool]
) -> None:
    seen = []
    callback = BestEpoch(Monitor("val_loss"), patience, tmp_path)
    callback.set_model(model)
    for epoch in range(len(stops)):
        callback.on_epoch_end(epoch, {"val_loss": 1.0})
        seen.append(model.stop_training)
    assert seen == stops


def test_a_monitor_that_is_never_a_number_stops_and_cannot_be_restored(
    model: Any, tmp_path: Path
) -> None:
    callback = watch(model, tmp_path, [float("nan")] * 2, patience=2)
    assert model.stop_training
    with pytest.raises(TrainingError, match="val_loss was not a number in any epoch"):
        callback.restore()


def test_a_death_between_weights_and_record_leaves_the_older_pair(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = watch(model, tmp_path, [3.0])

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(best, "write_json", die)
    model.get_layer("only").kernel.assign([[2.0]])
    with pytest.raises(KeyboardInterrupt):
        callback.on_epoch_end(1, {"val_loss": 1.0})
    record = read_json(tmp_path / RECORD)
    assert record["epoch"] == 1
    model.load_weights(tmp_path / record["weights"])
    assert weight(model) == 1


def test_the_record_keeps_the_whole_history(model: Any, tmp_path: Path) -> None:
    watch(model, tmp_path, [2.0, 3.0, 4.0])
    record = read_json(tmp_path / RECORD)
    assert (record["epoch"], record["weights"]) == (1, "epoch-0001.weights.h5")
    assert record["history"]["val_loss"] == [2.0, 3.0, 4.0]


def test_only_progress_beyond_the_threshold_keeps_a_fit_alive(model: Any, tmp_path: Path) -> None:
    callback = BestEpoch(Monitor("val_loss", 0.5), 2, tmp_path)
    callback.set_model(model)
    seen = []
    for epoch, value in enumerate([2.0, 1.8, 1.4, 1.3, 1.2]):
        callback.on_epoch_end(epoch, {"val_loss": value})
        seen.append(model.stop_training)
    assert seen == [False, False, False, False, True]
    assert read_json(tmp_path / RECORD)["epoch"] == 5


LOSSES = [3.0, float("nan"), 2.0, 2.0, 2.5, 1.0]


@pytest.mark.parametrize("cut", range(1, len(LOSSES) + 1))
@pytest.mark.parametrize("ahead", [0, 1])
def test_after_an_interruption_the_best_epoch_is_the_same(
    model: Any, tmp_path: Path, cut: int, ahead: int
) -> None:
    """`ahead`: the record had seen one epoch more than the history that is gone on from."""
    watch(model, tmp_path, LOSSES[: cut + ahead])
    resumed = BestEpoch(Monitor("val_loss"), 9, tmp_path)
    resumed.set_model(model)
    assert resumed.resume({"loss": [1.0] * cut, "val_loss": LOSSES[:cut]})
    for epoch in range(cut, len(LOSSES)):
        model.get_layer("only").kernel.assign([[epoch + 1.0]])
        resumed.on_epoch_end(epoch, {"loss": 1.0, "val_loss": LOSSES[epoch]})
    resumed.restore()
    assert weight(model) == 6
    assert read_json(tmp_path / RECORD)["history"]["val_loss"] == [3.0, None, *LOSSES[2:]]


def test_a_worse_epoch_never_replaces_a_better_one_after_an_interruption(
    model: Any, tmp_path: Path
) -> None:
    """The epoch of the record comes again and, as devices may differ, comes out worse."""
    watch(model, tmp_path, [3.0, 1.0])
    resumed = BestEpoch(Monitor("val_loss"), 9, tmp_path)
    resumed.set_model(model)
    assert resumed.resume({"loss": [1.0], "val_loss": [3.0]})
    model.get_layer("only").kernel.assign([[77.0]])
    resumed.on_epoch_end(1, {"loss": 1.0, "val_loss": 1.5})
    resumed.restore()
    assert weight(model) == 2
    assert (resumed.monitor.epoch, resumed.monitor.value) == (2, 1.0)


@pytest.mark.parametrize("gone", [RECORD, "epoch-0002.weights.h5"])
def test_nothing_is_gone_on_from_without_what_was_kept(
    model: Any, tmp_path: Path, gone: str
) -> None:
    watch(model, tmp_path, [3.0, 1.0])
    (tmp_path / gone).unlink()
    resumed = BestEpoch(Monitor("val_loss"), 9, tmp_path)
    assert not resumed.resume({"loss": [1.0] * 2, "val_loss": [3.0, 1.0]})


def test_a_fit_without_any_best_epoch_goes_on(model: Any, tmp_path: Path) -> None:
    resumed = BestEpoch(Monitor("val_loss"), 9, tmp_path)
    assert resumed.resume({"loss": [1.0], "val_loss": [float("nan")]})


def test_a_missing_monitor_is_an_error(model: Any, tmp_path: Path) -> None:
    callback = BestEpoch(Monitor("val_corr"), 3, tmp_path)
    callback.set_model(model)
    with pytest.raises(TrainingError, match="Expected: val_corr"):
        callback.on_epoch_end(0, {"val_loss": np.float32(1)})
