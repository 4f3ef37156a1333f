from __future__ import annotations

import keras
import numpy as np
import pytest
from contracts.keras_contract import KerasContract

from zoo.keras.autoencoder import SPEC
from zoo.keras.check import five_values, quintiles


class TestAutoencoder(KerasContract):
    spec = SPEC

    def after_a_step(self, **options: object) -> tuple[np.ndarray, np.ndarray]:
        """The encoder's first kernel after steps on a target and on another one."""
        found = []
        for seed in (1, 2):
            model, adapt = self.learning(noise=0.0, optimizer="adam", **options)
            x = quintiles()
            model.fit(x, adapt(x, five_values(seed=seed)), batch_size=256, verbose=0)
            found.append(model.get_layer("encoder_1_dense").get_weights()[0])
        return found[0], found[1]

    def test_the_probe_does_not_shape_the_code_unless_supervised(self) -> None:
        one, other = self.after_a_step()
        np.testing.assert_allclose(one, other, atol=1e-7)
        one, other = self.after_a_step(supervised=True)
        assert np.abs(one - other).max() > 1e-5

    def test_it_learns_to_reconstruct(self) -> None:
        model, adapt = self.learning(noise=0.0, code=12, learning_rate=1e-2)
        model.run_eagerly = False
        x = np.tile(quintiles(), (40, 1))
        history = model.fit(x, adapt(x, five_values(len(x))), epochs=3, batch_size=256, verbose=0)
        losses = history.history["reconstruction_loss"]
        assert losses[-1] < 0.3 * losses[0]

    def test_noise_and_mask_disturb_the_encoder_in_training_alone(self) -> None:
        for options in ({"noise": 0.5}, {"noise": 0.0, "mask": 0.5}):
            model = self.network(normalise=False, **options)
            calm = [self.outputs(model)["reconstruction"] for _ in range(2)]
            stirred = self.outputs(model, training=True)["reconstruction"]
            np.testing.assert_array_equal(*calm)
            assert np.abs(stirred - calm[0]).max() > 1e-3

    def test_a_variational_code_is_drawn_in_training_and_its_mean_otherwise(self) -> None:
        model = self.network("variational", normalise=False)
        mean, code = (model.get_layer(name).output for name in ("code_mean", "code"))
        inner = keras.Model(model.input, [mean, code])
        np.testing.assert_array_equal(*inner(quintiles(), training=False))
        means, drawn = inner(quintiles(), training=True)
        assert 0.9 < np.std(np.asarray(drawn) - np.asarray(means)) < 1.1

    def test_the_loss_holds_the_divergence(self) -> None:
        model, adapt = self.learning("variational", divergence=3.0, normalise=False)
        x, y = quintiles(), five_values()
        measured = model.evaluate(x, adapt(x, y), batch_size=256, return_dict=True, verbose=0)
        inner = keras.Model(
            model.input, [model.get_layer(n).output for n in ("code_mean", "code_log_variance")]
        )
        mean, log_variance = map(np.asarray, inner(x))
        terms = (np.exp(log_variance) + mean**2 - 1 - log_variance) / 2
        divergence = 3.0 * 2 / 12 * terms.sum(axis=1).mean()
        rest = measured["main_head_loss"] + measured["reconstruction_loss"]
        assert measured["loss"] - rest == pytest.approx(divergence, rel=1e-3)
