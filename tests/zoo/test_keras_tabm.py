from __future__ import annotations

import numpy as np
from contracts.keras_contract import KerasContract

from zoo.keras.check import quintiles
from zoo.keras.tabm import SPEC


class TestTabm(KerasContract):
    spec = SPEC

    def test_the_prediction_is_the_mean_of_members_that_differ(self) -> None:
        for head in ({"kind": "regression"}, {"kind": "classes"}, {"kind": "ordinal"}):
            found = self.outputs(self.network(members=5, head=head))
            members = found["main_head"]
            assert members.shape[:2] == (16, 5)
            if head["kind"] == "classes":
                members = members @ np.linspace(0, 1, 5)[:, None]
            if head["kind"] == "ordinal":
                members = np.cumprod(members, axis=-1).mean(axis=-1, keepdims=True)
            np.testing.assert_allclose(found["prediction"], members.mean(axis=1), atol=1e-6)
            assert members.std(axis=1).min() > 1e-4

    def test_each_member_is_the_perceptron_of_its_scales(self) -> None:
        model = self.network(members=3, width=7, blocks=2, dropout=0.0)
        rng = np.random.default_rng(1)
        for layer in model.layers:
            layer.set_weights([w + 0.1 * rng.normal(size=w.shape) for w in layer.get_weights()])
        x = (quintiles(16) - 2) / np.sqrt(2)
        for member in range(3):
            hidden = x
            for number in (1, 2):
                kernel, r, s, bias = model.get_layer(f"block_{number}").get_weights()
                plain = (r[member][:, None] * kernel) * s[member]
                hidden = np.maximum(hidden @ plain + bias[member], 0)
            kernel, bias = model.get_layer("main_head").get_weights()
            expected = 1 / (1 + np.exp(-(hidden @ kernel[member] + bias[member])))
            found = self.outputs(model)["main_head"][:, member]
            np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_it_starts_as_published(self) -> None:
        model = self.network("paper")
        for number in (1, 2, 3):
            kernel, r, s, bias = model.get_layer(f"block_{number}").get_weights()
            limit = len(kernel) ** -0.5
            assert 0.97 * limit < np.abs(kernel).max() <= limit
            assert set(np.unique(r)) == ({-1.0, 1.0} if number == 1 else {1.0})
            assert set(np.unique(s)) == {1.0}
            assert (bias == bias[0]).all()
            assert bias.std() > 0
        assert r.shape == (32, 512)

    def test_members_share_their_kernels(self) -> None:
        few, many = (self.network(members=k).count_params() for k in (4, 8))
        assert many < 1.5 * few
