"""Builds the multilayer perceptron."""

from __future__ import annotations

from typing import Any

import keras

from erazoo.panel import FeatureSpec
from zoo.keras.blocks import dense_block
from zoo.keras.heads import PREDICTION
from zoo.keras.inputs import raw_input
from zoo.keras.mlp.params import MlpParams


def build(params: MlpParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to {"prediction": (n, 1)}."""
    keras.utils.set_random_seed(seed)
    features, x = raw_input(spec)
    if params.input_dropout:
        x = keras.layers.Dropout(params.input_dropout, name="input_dropout")(x)
    for number, units in enumerate(params.units, start=1):
        x = dense_block(
            x,
            units,
            f"block_{number}",
            activation=params.activation,
            normalise=params.normalise,
            dropout=params.dropout,
        )
    (head,) = params.heads()
    return keras.Model(features, {PREDICTION: head.connect(x, spec)}, name="mlp")
