from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from training.keras.averages import Averages
from zoo.keras.optimisation import AverageOptions


@pytest.fixture
def model() -> Any:
    layers = [keras.Input((2,)), keras.layers.Dense(1, name="only")]
    network = keras.Sequential([*layers, keras.layers.BatchNormalization(name="norm")])
    network.compile(keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.75), "mse")
    network.optimizer.build(network.trainable_variables)
    return network


def put(model: Any, value: float) -> None:
    for weight in model.weights:
        weight.assign(np.full(weight.shape, value))


def value(model: Any) -> float:
    found = {float(number) for weight in model.weights for number in np.ravel(weight)}
    assert len(found) == 1
    return found.pop()


def test_the_mean_of_the_last_epochs_is_validated_and_kept(model: Any) -> None:
    averages = Averages(AverageOptions(kind="swa", epochs=3), model)
    averages.set_model(model)
    validated = []
    for epoch, own in enumerate([1.0, 2.0, 6.0, 10.0]):
        put(model, own)
        averages.on_test_begin()
        validated.append(value(model))
        averages.on_epoch_end(epoch)
        assert value(model) == own
    assert validated == [1.0, 1.5, 3.0, 6.0]


def test_without_validation_the_mean_comes_at_the_end(model: Any) -> None:
    averages = Averages(AverageOptions(kind="swa", epochs=2), model)
    averages.set_model(model)
    for epoch, own in enumerate([1.0, 2.0, 6.0]):
        put(model, own)
        averages.on_epoch_end(epoch)
        assert value(model) == own
    averages.finish()
    assert value(model) == 4.0


def test_a_mean_goes_on_with_the_epochs_before(model: Any) -> None:
    put(model, 5.0)
    averages = Averages(AverageOptions(kind="swa", epochs=2), model)
    averages.set_model(model)
    averages.resume([[np.full(w.shape, 3.0, np.float32) for w in model.weights]])
    averages.on_test_begin()
    assert value(model) == 4.0


def test_the_moving_average_of_steps_is_that_of_their_weights(model: Any) -> None:
    """Gradients of -1 at rate 1 make the weight 1, 2, 3, and its average follows by a quarter."""
    put(model, 0.0)
    averages = Averages(AverageOptions(kind="ema", momentum=0.75), model)
    averages.set_model(model)
    for _ in range(3):
        model.optimizer.apply([-np.ones(w.shape, np.float32) for w in model.trainable_variables])
    averages.on_test_begin()
    average = 0.75 * (0.75 * 1 + 0.25 * 2) + 0.25 * 3
    kernel = model.get_layer("only").kernel
    np.testing.assert_allclose(kernel, average, rtol=1e-6)
    np.testing.assert_array_equal(model.get_layer("norm").moving_mean, 0)
    averages.on_epoch_end(0)
    np.testing.assert_array_equal(kernel, 3)
