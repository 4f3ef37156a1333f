"""From inputs, a body and heads to a network, the same way for every architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from erazoo.panel import FeatureSpec
from zoo.keras.heads import MAIN, PREDICTION, Labels, Regression
from zoo.keras.inputs import Inputs, read_inputs
from zoo.keras.params import NetworkParams


def network(
    name: str, params: NetworkParams, spec: FeatureSpec, seed: int, body: Callable[[Inputs], Any]
) -> Any:
    """An untrained network from raw features (n, F) to its heads' outputs and `prediction` (n, 1).

    Args:
        name: of the network.
        params: its inputs and heads.
        spec: the features.
        seed: of its weights; two networks of a seed are equal.
        body: from the inputs to features (n, d), or to those of members (n, k, d).
    """
    import keras

    keras.utils.set_random_seed(seed)
    inputs = read_inputs(spec, params.inputs)
    features = body(inputs)
    outputs = {head.name: head.connect(features, spec) for head in params.heads()}
    return closed(name, params, inputs, outputs)


def closed(name: str, params: NetworkParams, inputs: Inputs, outputs: Mapping[str, Any]) -> Any:
    """The network from inputs to outputs, with the `prediction` of its main head."""
    import keras

    main = next(head for head in params.heads() if head.name == MAIN)
    prediction = cast("Regression | Labels", main).predict(outputs[MAIN])
    return keras.Model(inputs.features, {**outputs, PREDICTION: prediction}, name=name)
