from __future__ import annotations

import keras
import numpy as np
import pytest
from contracts.keras_contract import KerasContract

from erazoo.errors import ConfigError
from zoo.keras.check import predictions, quintiles
from zoo.keras.ft_transformer import SPEC


class TestFtTransformer(KerasContract):
    spec = SPEC

    def test_a_token_a_feature_and_one_for_the_class(self) -> None:
        model = self.network("paper", width=16, attention_heads=4)
        assert model.get_layer("class_token").output.shape == (None, 13, 16)
        weights, bias = model.get_layer("tokens").get_weights()
        values = (quintiles() - 2) / np.sqrt(2)
        inner = keras.Model(model.input, model.get_layer("tokens").output)
        expected = values[:, :, None] * weights[:, 0] + bias
        np.testing.assert_allclose(inner(quintiles()), expected, atol=1e-5)
        assert np.abs(weights).max() <= 0.25

    def test_blocks_as_published(self) -> None:
        model = self.network("paper")
        names = {layer.name for layer in model.layers}
        assert "block_1_attention_norm" not in names
        assert {"block_1_forward_norm", "block_2_attention_norm", "end_norm"} <= names
        assert model.get_layer("block_2_forward_add").output.shape == (None, 13, 192)
        assert model.get_layer("block_3_forward_add").output.shape == (None, 1, 192)
        assert model.get_layer("block_1_gate").units == 256
        attention = model.get_layer("block_1_attention")
        assert (attention.num_heads, attention.key_dim, attention.dropout) == (8, 24, 0.2)

    def test_a_subset_is_all_that_is_read(self) -> None:
        for tokens in ("features", "groups"):
            model = self.network(subset="odd", tokens=tokens)
            x = quintiles()
            changed = np.where(np.isin(np.arange(12), [1, 3]), x, 4 - x).astype("i1")
            np.testing.assert_array_equal(predictions(model, x), predictions(model, changed))
            changed = x.copy()
            changed[:, 1] = 4 - x[:, 1]
            assert np.abs(predictions(model, x) - predictions(model, changed)).max() > 1e-5

    def test_tokens_of_groups_are_few(self) -> None:
        model = self.network(tokens="groups", token_features=4)
        assert model.get_layer("tokens").output.shape[1] == 4

    def test_an_unknown_subset_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="no such feature group"):
            self.network(subset="smal")

    def test_heads_that_do_not_divide_the_width_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="attention_heads 5 do not divide the width 32"):
            self.network(attention_heads=5)
