from __future__ import annotations

import keras
import numpy as np
from contracts.keras_contract import KerasContract

from zoo.keras.check import quintiles
from zoo.keras.resnet import SPEC


class TestResnet(KerasContract):
    spec = SPEC

    def test_a_block_is_the_published_one(self) -> None:
        """Batch norm, dense, relu, dropout, dense, dropout, and the input added."""
        model = self.network("paper", width=8, blocks=1)
        assert [type(layer).__name__ for layer in model.layers[2:]] == [
            "Dense",
            "BatchNormalization",
            "Dense",
            "Activation",
            "Dropout",
            "Dense",
            "Dropout",
            "Add",
            "BatchNormalization",
            "Activation",
            "Dense",
            "Identity",
        ]
        assert model.get_layer("block_1_in").units == 16

    def test_blocks_that_add_nothing_change_nothing(self) -> None:
        model = self.network(width=8, blocks=3)
        for number in (1, 2, 3):
            layer = model.get_layer(f"block_{number}_out")
            layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
        inner = keras.Model(
            model.input, [model.get_layer(n).output for n in ("projection", "block_3_add")]
        )
        before, after = inner(quintiles())
        np.testing.assert_allclose(before, after)

    def test_it_starts_as_published(self) -> None:
        model = self.network(width=100, blocks=1)
        kernel, bias = model.get_layer("block_1_in").get_weights()
        assert 0.095 < np.abs(kernel).max() <= 0.1
        assert 0.08 < np.abs(bias).max() <= 0.1

    def test_the_paper_has_eight_blocks(self) -> None:
        model = self.network("paper")
        assert model.get_layer("block_8_add").output.shape == (None, 256)
