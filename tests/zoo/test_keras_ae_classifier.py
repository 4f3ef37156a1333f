from __future__ import annotations

import keras
import numpy as np
import pytest
from contracts.keras_contract import KerasContract

from erazoo.errors import ConfigError
from zoo.catalogue import resolve
from zoo.keras.ae_classifier import SPEC
from zoo.keras.check import FEATURES, five_values, quintiles


class TestAeClassifier(KerasContract):
    spec = SPEC

    def test_a_dropout_is_needed_for_each_block(self) -> None:
        with pytest.raises(ConfigError, match="one rate a block"):
            resolve(SPEC, "small", {"main_units": [8, 8, 8]})

    @pytest.mark.parametrize(
        ("kind", "width"), [("classes", 5), ("multilabel", 4), ("ordinal", 4), ("regression", 1)]
    )
    def test_outputs_and_their_shapes(self, kind: str, width: int) -> None:
        model, adapt = self.learning(head={"kind": kind})
        shapes = {name: value.shape for name, value in self.outputs(model, 8).items()}
        assert shapes == {
            "reconstruction": (8, len(FEATURES.names)),
            "ae_head": (8, width),
            "main_head": (8, width),
            "prediction": (8, 1),
        }
        labelled = adapt(quintiles(8), five_values(8))
        assert {name: tuple(value.shape) for name, value in labelled.items()} == {
            name: shape for name, shape in shapes.items() if name != "prediction"
        }

    @pytest.mark.parametrize("kind", ["classes", "multilabel"])
    def test_the_prediction_is_the_expected_target(self, kind: str) -> None:
        model, adapt = self.learning(head={"kind": kind})
        x, y = quintiles(), five_values()
        model.fit(x, adapt(x, y), verbose=0)
        out = model.predict(x, verbose=0)
        if kind == "classes":
            expected = out["main_head"] @ np.linspace(0, 1, 5)
        else:
            expected = out["main_head"].mean(axis=1)
        np.testing.assert_allclose(out["prediction"][:, 0], expected, atol=1e-6)

    def test_the_joint_loss_is_the_weighted_sum_of_its_parts(self) -> None:
        weights = {"reconstruction": 0.5, "ae_head": 0.25, "main_head": 2.0}
        model, adapt = self.learning(
            head={"weight": 2.0}, ae_head_weight=0.25, reconstruction_weight=0.5
        )
        x, y = quintiles(), five_values()
        out = model.predict(x, verbose=0)
        one_hot = np.eye(5)[(y * 4).astype(int)]
        standardised = (x - 2.0) / np.sqrt(2)
        parts = {
            "reconstruction": np.mean((out["reconstruction"] - standardised) ** 2),
            "ae_head": -np.mean(np.sum(one_hot * np.log(out["ae_head"]), axis=1)),
            "main_head": -np.mean(np.sum(one_hot * np.log(out["main_head"]), axis=1)),
        }
        measured = model.evaluate(x, adapt(x, y), return_dict=True, verbose=0)
        for name, value in parts.items():
            assert measured[f"{name}_loss"] == pytest.approx(value, rel=1e-4)
        joint = sum(weights[name] * value for name, value in parts.items())
        assert measured["loss"] == pytest.approx(joint, rel=1e-4)

    def test_the_decoder_learns_to_reconstruct(self) -> None:
        model, adapt = self.learning(**SPEC.memorise)
        model.run_eagerly = False
        x, y = quintiles(), five_values()
        before = model.evaluate(x, adapt(x, y), return_dict=True, verbose=0)
        many, labels = np.tile(x, (240, 1)), np.tile(y, 240)
        model.fit(many, adapt(many, labels), batch_size=256, shuffle=False, verbose=0)
        after = model.evaluate(x, adapt(x, y), return_dict=True, verbose=0)
        assert after["reconstruction_loss"] < 0.3 * before["reconstruction_loss"]

    def test_the_jane_street_recipe(self) -> None:
        """Layer by layer as published, in the order of the graph."""
        model = self.network("jane_street")
        rates = {
            layer.name: round(float(getattr(layer, "rate", 0) or getattr(layer, "stddev", 0)), 4)
            for layer in model.layers
            if layer.__class__.__name__ in ("Dropout", "GaussianNoise")
        }
        assert rates == {
            "encoder_noise": 0.0353,
            "decoder_dropout": 0.0384,
            "ae_head_block_dropout": 0.4241,
            "main_input_dropout": 0.1043,
            "main_1_dropout": 0.4923,
            "main_2_dropout": 0.3202,
            "main_3_dropout": 0.2717,
            "main_4_dropout": 0.4379,
        }
        widths = {x.name: x.units for x in model.layers if x.__class__.__name__ == "Dense"}
        assert widths == {
            "encoder_dense": 96,
            "reconstruction": len(FEATURES.names),
            "ae_head_block_dense": 96,
            "ae_head": 4,
            "main_1_dense": 896,
            "main_2_dense": 448,
            "main_3_dense": 448,
            "main_4_dense": 256,
            "main_head": 4,
            "prediction": 1,
        }
        assert {name: loss.measure for name, loss in model.loss.items()} == {
            "reconstruction": "mse",
            "ae_head": "binary",
            "main_head": "binary",
        }
        assert isinstance(model.optimizer, keras.optimizers.Adam)
        assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
        joined = model.get_layer("main_input").output.shape[-1]
        assert joined == len(FEATURES.names) + 96
        params = resolve(SPEC, "jane_street", {})
        assert params.batch_size == 4096

    def test_options_of_the_head_keep_it_a_classifier(self) -> None:
        params = resolve(SPEC, "small", {"head": {"classes": 7}})
        assert (params.head.kind, params.head.classes) == ("classes", 7)
