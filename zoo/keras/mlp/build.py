"""Builds the multilayer perceptron."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from erazoo.panel import FeatureSpec
from zoo.keras.blocks import dense_stack
from zoo.keras.encoder import load_encoder
from zoo.keras.inputs import Inputs
from zoo.keras.mlp.params import MlpParams
from zoo.keras.network import network


def build(params: MlpParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to `main_head` and `prediction`."""

    def body(inputs: Inputs) -> Any:
        x = inputs.flat
        if params.encoder:
            code = load_encoder(Path(params.encoder), spec)(inputs.features)
            x = keras.layers.Concatenate(name="with_code")([x, code])
        return dense_stack(
            x,
            params.units,
            "block",
            activation=params.activation,
            normalise=params.normalise,
            dropout=params.dropout,
        )

    return network("mlp", params, spec, seed, body)
