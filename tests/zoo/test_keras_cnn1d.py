from __future__ import annotations

import keras
import numpy as np
from contracts.keras_contract import KerasContract
from hypothesis import given
from hypothesis import strategies as st

from erazoo.panel import FeatureSpec
from zoo.keras.check import built, quintiles
from zoo.keras.cnn1d import SPEC
from zoo.keras.groups import by_group, group_order, in_tokens

GROUPED = FeatureSpec(
    ("a1", "b1", "a2", "c", "b2", "a3"),
    {"all": ("a1", "b1", "a2", "c", "b2", "a3"), "a": ("a1", "a2", "a3"), "b": ("b1", "b2")},
)


class TestCnn1d(KerasContract):
    spec = SPEC

    def test_a_filter_sees_the_features_of_a_group(self) -> None:
        model, _ = built(SPEC, features=GROUPED, filters=[1], kernel=3, stride=3)
        inner = keras.Model(model.input, model.get_layer("conv_1").output)
        layer = model.get_layer("conv_1")
        layer.set_weights([np.ones_like(layer.get_weights()[0])])
        x = quintiles(5, GROUPED)
        values = (x - 2) / np.sqrt(2)
        found = np.asarray(inner(x))[:, :, 0]
        sums = [values[:, [3, 0, 2]].sum(axis=1), values[:, [5, 1, 4]].sum(axis=1)]
        np.testing.assert_allclose(found, np.stack(sums, axis=1), atol=1e-5)

    def test_convolutions_as_asked_for(self) -> None:
        model = self.network("wide")
        layers = [model.get_layer(f"conv_{number}") for number in (1, 2, 3)]
        assert [layer.filters for layer in layers] == [64, 128, 256]
        assert {layer.kernel_size for layer in layers} == {(5,)}
        assert layers[0].output.shape == (None, 4, 64)


def test_features_stand_in_their_smallest_group() -> None:
    assert [part.tolist() for part in by_group(GROUPED)] == [[3], [0, 2, 5], [1, 4]]
    assert group_order(GROUPED).tolist() == [3, 0, 2, 5, 1, 4]
    assert group_order(FeatureSpec(("x", "y"))).tolist() == [0, 1]


@given(count=st.integers(1, 40), most=st.integers(1, 9), cut=st.integers(0, 40))
def test_tokens_hold_every_feature_and_never_two_groups(count: int, most: int, cut: int) -> None:
    names = tuple(f"f{j}" for j in range(count))
    spec = FeatureSpec(names, {"first": names[:cut]} if cut else {})
    tokens = in_tokens(spec, most)
    assert sorted(set(tokens.ravel().tolist())) == list(range(count))
    assert tokens.shape[1] <= most
    for token in tokens:
        assert len({j < cut for j in token.tolist()}) == 1
