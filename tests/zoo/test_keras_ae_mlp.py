from __future__ import annotations

from contracts.keras_contract import KerasContract

from zoo.catalogue import get
from zoo.keras.ae_mlp import SPEC
from zoo.keras.check import built


class TestAeMlp(KerasContract):
    spec = SPEC

    def test_it_has_the_layers_of_its_twin_but_for_the_labels(self) -> None:
        ours, theirs = self.network("jane_street"), built(get("ae_classifier"), "jane_street")[0]
        own = {"ae_head", "main_head", "prediction"}
        shapes = [
            {layer.name: layer.output.shape for layer in model.layers if layer.name not in own}
            for model in (ours, theirs)
        ]
        assert shapes[0] == shapes[1]
        assert {ours.get_layer(name).output.shape for name in own} == {(None, 1)}
        assert {name: loss.measure for name, loss in ours.loss.items()} == {
            "main_head": "mse",
            "reconstruction": "mse",
            "ae_head": "mse",
        }
