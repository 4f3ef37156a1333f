"""Builds the ensemble TabM."""

from __future__ import annotations

from typing import Any

import keras

from erazoo.panel import FeatureSpec
from zoo.keras.inputs import Inputs
from zoo.keras.layers import RankOneDense
from zoo.keras.network import network
from zoo.keras.tabm.params import TabmParams


def build(params: TabmParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to `prediction` (n, 1).

    `main_head` is (n, k, .), an output a member.
    """

    def body(inputs: Inputs) -> Any:
        x = inputs.flat
        for number in range(1, params.blocks + 1):
            name = f"block_{number}"
            layer = RankOneDense(params.members, params.width, signs=number == 1, name=name)
            x = keras.layers.Activation(params.activation, name=f"{name}_{params.activation}")(
                layer(x)
            )
            if params.dropout:
                x = keras.layers.Dropout(params.dropout, name=f"{name}_dropout")(x)
        return x

    return network("tabm", params, spec, seed, body)
