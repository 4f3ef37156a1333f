"""Builds the convolutional network."""

from __future__ import annotations

from typing import Any

import keras

from erazoo.panel import FeatureSpec
from zoo.keras.blocks import dense_stack
from zoo.keras.cnn1d.params import Cnn1dParams
from zoo.keras.groups import group_order
from zoo.keras.inputs import Inputs
from zoo.keras.network import network


def build(params: Cnn1dParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to `main_head` and `prediction`."""

    def body(inputs: Inputs) -> Any:
        order = group_order(spec).astype("int32")
        x = keras.ops.take(inputs.columns, order, axis=1)
        for number, filters in enumerate(params.filters, start=1):
            x = _convolution(params, x, filters, f"conv_{number}")
        x = keras.layers.Flatten(name="channels")(x)
        if params.dropout:
            x = keras.layers.Dropout(params.dropout, name="channels_dropout")(x)
        return dense_stack(
            x, params.units, "block", activation=params.activation, dropout=params.dropout
        )

    return network("cnn1d", params, spec, seed, body)


def _convolution(params: Cnn1dParams, x: Any, filters: int, name: str) -> Any:
    layer = keras.layers.Conv1D(
        filters,
        params.kernel,
        strides=params.stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )
    x = keras.layers.BatchNormalization(name=f"{name}_norm")(layer(x))
    return keras.layers.Activation(params.activation, name=f"{name}_{params.activation}")(x)
