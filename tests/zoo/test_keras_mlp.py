from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from contracts.keras_contract import KerasContract, five_bins, quintiles

from zoo.catalogue import get, resolve
from zoo.keras.mlp import SPEC


class TestMlp(KerasContract):
    spec = SPEC
    memorise: ClassVar = {
        "dropout": 0.0,
        "input_dropout": 0.0,
        "weight_decay": 0.0,
        "learning_rate": 3e-3,
    }
    bad: ClassVar = {
        "units": [],
        "activation": "softplus",
        "dropout": 1.0,
        "learning_rate": 0,
        "batch_size": 0,
        "unit": 3,
    }

    def test_the_catalogue_finds_it(self) -> None:
        assert get("mlp") is SPEC

    def test_blocks_have_the_widths_asked_for(self) -> None:
        model, _ = self.network("small", units=[7, 5, 3], normalise=True, dropout=0.2)
        widths = [x.units for x in model.layers if x.__class__.__name__ == "Dense"]
        assert widths == [7, 5, 3, 1]
        assert model.get_layer("block_2_dropout").rate == 0.2
        assert model.get_layer("block_3_norm")

    def test_the_funnel_halves(self) -> None:
        model, _ = self.network("funnel")
        widths = [x.units for x in model.layers if x.__class__.__name__ == "Dense"]
        assert widths == [1024, 512, 256, 128, 64, 32, 32, 1]

    @pytest.mark.parametrize("output", ["sigmoid", "linear"])
    def test_an_untrained_output_starts_near_the_mean_target(self, output: str) -> None:
        model, _ = self.network("small", output=output)
        assert abs(self.prediction(model, quintiles()).mean() - 0.5) < 0.2

    @pytest.mark.parametrize(
        ("loss", "expected"),
        [
            ("mse", lambda e: np.mean(e**2)),
            ("mae", lambda e: np.mean(np.abs(e))),
            ("huber", lambda e: np.mean(e**2) / 2),
        ],
    )
    def test_the_loss_is_the_one_asked_for(self, loss: str, expected: object) -> None:
        model, adapt = self.network("small", loss=loss)
        x, y = quintiles(), five_bins()
        error = self.prediction(model, x)[:, 0] - y
        assert model.evaluate(x, adapt(x, y), verbose=0) == pytest.approx(expected(error), rel=1e-4)

    def test_weight_decay_shrinks_kernels_and_spares_biases(self) -> None:
        def norms(decay: float) -> tuple[float, float]:
            model, adapt = self.network(
                "small", weight_decay=decay, learning_rate=1e-2, dropout=0.0
            )
            layer = model.get_layer("block_1_dense")
            layer.bias.assign(np.ones(layer.units, dtype=np.float32) * 5)
            x, y = quintiles(), five_bins()
            model.fit(x, adapt(x, y), epochs=5, batch_size=32, verbose=0)
            return tuple(float(np.linalg.norm(w)) for w in layer.get_weights())

        plain, decayed = norms(0.0), norms(0.9)
        assert decayed[0] < 0.9 * plain[0]
        assert decayed[1] > 0.95 * plain[1]

    def test_adam_refuses_weight_decay(self) -> None:
        with pytest.raises(ValueError, match="weight_decay needs the optimizer adamw"):
            resolve(SPEC, "small", {"optimizer": "adam", "weight_decay": 0.1})
