from __future__ import annotations

import keras
import numpy as np
import pytest
from contracts.keras_contract import KerasContract

from zoo.keras.check import quintiles
from zoo.keras.realmlp import SPEC
from zoo.keras.realmlp.layers import NtkDense, ParametricActivation, PeriodicEmbedding, Scale


class TestRealmlp(KerasContract):
    spec = SPEC

    def test_quintiles_are_scaled_by_their_range_and_clipped_smoothly(self) -> None:
        model = self.network()
        x = quintiles()
        inner = keras.Model(model.input, model.get_layer("robust_clip").output)
        robust = (x - 2) / 2
        np.testing.assert_allclose(inner(x), robust / np.sqrt(1 + (robust / 3) ** 2), atol=1e-6)

    def test_the_paper_embeds_each_number(self) -> None:
        model = self.network("paper")
        assert model.get_layer("periodic").output.shape == (None, 4 * 12)
        inside = self.network("paper", embedding=0)
        assert "periodic" not in {layer.name for layer in inside.layers}


def test_the_tangent_parametrisation() -> None:
    keras.utils.set_random_seed(1)
    layer = NtkDense(300, speed=0.1)
    x = np.random.default_rng(1).normal(size=(500, 400)).astype("f4")
    found = np.asarray(layer(x))
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(found, x @ kernel / 20 + 0.1 * bias, atol=1e-4)
    assert kernel.std() == pytest.approx(1, abs=0.02)
    assert (0.1 * bias).std() == pytest.approx(1, abs=0.15)
    assert found.std() == pytest.approx(np.sqrt(2), abs=0.15)


@pytest.mark.parametrize(
    ("layer", "speed"), [(Scale(6.0), 6.0), (ParametricActivation("mish"), 0.1)]
)
def test_a_step_of_adam_moves_a_factor_at_its_own_pace(layer: keras.Layer, speed: float) -> None:
    x = np.random.default_rng(1).normal(size=(64, 5)).astype("f4")
    before = np.asarray(layer(x))
    start = x if isinstance(layer, Scale) else np.asarray(keras.activations.mish(x))
    np.testing.assert_allclose(before, start, atol=1e-6)
    model = keras.Sequential([keras.Input((5,)), layer])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(x, 3 * x + 1, batch_size=64, verbose=0)
    moved = speed * np.abs(layer.get_weights()[0])
    np.testing.assert_allclose(moved, 0.01 * speed, rtol=1e-2)


def test_the_periodic_embedding() -> None:
    keras.utils.set_random_seed(1)
    layer = PeriodicEmbedding(width=4, waves=16, sigma=0.1, speed=0.1)
    x = np.random.default_rng(2).normal(size=(20, 3)).astype("f4")
    found = np.asarray(layer(x)).reshape(20, 3, 4)
    frequency, phase, linear, bias = (0.1 * weight for weight in layer.get_weights())
    waves = np.cos(2 * np.pi * frequency * x[:, :, None] + phase)
    np.testing.assert_allclose(found[..., 0], x)
    expected = np.einsum("nfw,fwd->nfd", waves, linear) + bias
    np.testing.assert_allclose(found[..., 1:], expected, atol=1e-4)
    assert np.abs(phase).max() <= np.pi + 1e-5
    assert 0.05 < frequency.std() < 0.15
