from __future__ import annotations

import keras
import numpy as np
import pytest
from contracts.keras_contract import KerasContract

from zoo.keras.check import quintiles
from zoo.keras.dcn import SPEC


class TestDcn(KerasContract):
    spec = SPEC

    @pytest.mark.parametrize("rank", [0, 3])
    def test_a_cross_is_the_formula(self, rank: int) -> None:
        model = self.network(crosses=2, rank=rank)
        inner = keras.Model(
            model.input, [model.get_layer(n).output for n in ("cross_1_add", "cross_2_add")]
        )
        first = x = (quintiles() - 2) / np.sqrt(2)
        for number, found in enumerate(inner(quintiles()), start=1):
            kernel, bias = model.get_layer(f"cross_{number}_dense").get_weights()
            if rank:
                kernel = model.get_layer(f"cross_{number}_narrow").get_weights()[0] @ kernel
            x = first * (x @ kernel + bias) + x
            np.testing.assert_allclose(found, x, atol=1e-4)

    @pytest.mark.parametrize(
        ("options", "width"),
        [
            ({"structure": "parallel", "units": [9]}, 12 + 9),
            ({"structure": "stacked", "units": [9]}, 9),
            ({"units": []}, 12),
        ],
    )
    def test_structures(self, options: dict[str, object], width: int) -> None:
        model = self.network(**options)
        assert model.get_layer("main_head").input.shape == (None, width)
        read = model.get_layer("deep_1_dense").input if options["units"] else None
        if options.get("structure") == "stacked":
            assert read is model.get_layer("cross_2_add").output
        elif read is not None:
            assert read is model.get_layer("standardise").output
