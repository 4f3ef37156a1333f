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


def test_a_missing_monitor_is_an_error(model: Any, tmp_path: Path) -> None:
    callback = BestEpoch(Monitor("val_corr"), 3, tmp_path)
    callback.set_model(model)
    with pytest.raises(TrainingError, match="Expected: val_corr"):
        callback.on_epoch_end(0, {"val_loss": np.float32(1)})
