from __future__ import annotations

import numpy as np
from contracts.keras_contract import KerasContract

from zoo.keras.check import predictions, quintiles
from zoo.keras.linear import SPEC


class TestLinear(KerasContract):
    spec = SPEC

    def test_it_is_a_line(self) -> None:
        model = self.network(head={"output": "linear"})
        x = quintiles(8)
        kernel, bias = model.get_layer("main_head").get_weights()
        expected = (x - 2) / np.sqrt(2) @ kernel + bias
        np.testing.assert_allclose(self.outputs(model, 8)["prediction"], expected, atol=1e-5)

    def test_the_additive_one_is_a_sum_over_features(self) -> None:
        model = self.network("additive", head={"output": "linear"})
        x = quintiles(3)
        other, both = x.copy(), x.copy()
        other[:, 0], both[:, [0, 5]] = (x[:, 0] + 2) % 5, (x[:, [0, 5]] + 2) % 5
        last = x.copy()
        last[:, 5] = (x[:, 5] + 2) % 5
        base, one, two, sum_ = (predictions(model, z) for z in (x, other, last, both))
        np.testing.assert_allclose(one + two - base, sum_, atol=1e-5)
