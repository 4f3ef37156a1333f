"""Builds the residual network."""

from __future__ import annotations

from typing import Any

import keras

from erazoo.panel import FeatureSpec
from zoo.keras.blocks import torch_dense
from zoo.keras.inputs import Inputs
from zoo.keras.network import network
from zoo.keras.resnet.params import ResnetParams


def build(params: ResnetParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to `main_head` and `prediction`."""

    def body(inputs: Inputs) -> Any:
        x = torch_dense(params.width, inputs.flat.shape[-1], "projection")(inputs.flat)
        for number in range(1, params.blocks + 1):
            x = _block(params, x, f"block_{number}")
        x = keras.layers.BatchNormalization(name="end_norm")(x)
        return keras.layers.Activation("relu", name="end_relu")(x)

    return network("resnet", params, spec, seed, body)


def _block(params: ResnetParams, x: Any, name: str) -> Any:
    hidden = max(1, int(params.width * params.expansion))
    y = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
    y = torch_dense(hidden, params.width, f"{name}_in")(y)
    y = keras.layers.Activation("relu", name=f"{name}_relu")(y)
    if params.dropout:
        y = keras.layers.Dropout(params.dropout, name=f"{name}_dropout")(y)
    y = torch_dense(params.width, hidden, f"{name}_out")(y)
    if params.residual_dropout:
        y = keras.layers.Dropout(params.residual_dropout, name=f"{name}_residual_dropout")(y)
    return keras.layers.Add(name=f"{name}_add")([x, y])
