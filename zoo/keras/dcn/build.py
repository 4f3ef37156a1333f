"""Builds the deep and cross network."""

from __future__ import annotations

from typing import Any

import keras

from erazoo.panel import FeatureSpec
from zoo.keras.blocks import dense_stack
from zoo.keras.dcn.params import DcnParams
from zoo.keras.inputs import Inputs
from zoo.keras.network import network


def build(params: DcnParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to `main_head` and `prediction`."""

    def body(inputs: Inputs) -> Any:
        crossed = inputs.flat
        for number in range(1, params.crosses + 1):
            crossed = _cross(inputs.flat, crossed, params.rank, f"cross_{number}")
        if not params.units:
            return crossed
        stacked = params.structure == "stacked"
        deep = dense_stack(
            crossed if stacked else inputs.flat,
            params.units,
            "deep",
            activation=params.activation,
            dropout=params.dropout,
        )
        return deep if stacked else keras.layers.Concatenate(name="joined")([crossed, deep])

    return network("dcn", params, spec, seed, body)


def _cross(first: Any, x: Any, rank: int, name: str) -> Any:
    """x0 * (W x + b) + x with a full or a low-rank W."""
    y = x
    if rank:
        narrow = keras.layers.Dense(
            rank, use_bias=False, kernel_initializer=_truncated(), name=f"{name}_narrow"
        )
        y = narrow(y)
    wide = keras.layers.Dense(
        first.shape[-1], kernel_initializer=_truncated(), name=f"{name}_dense"
    )
    product = keras.layers.Multiply(name=f"{name}_product")([first, wide(y)])
    return keras.layers.Add(name=f"{name}_add")([product, x])


def _truncated() -> Any:
    """The truncated normal of variance 1 / fan in."""
    return keras.initializers.LecunNormal()
