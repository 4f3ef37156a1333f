"""A network of a user's own, with a layer that no other network has."""

from __future__ import annotations

from typing import Any

import keras

from zoo.catalogue import ModelSpec
from zoo.keras.network import network
from zoo.keras.params import NetworkParams, Width


class MineParams(NetworkParams):
    """Two layers.

    Args:
        width: of both.
    """

    width: Width = 64


@keras.saving.register_keras_serializable(package="mine")
class Doubled(keras.layers.Layer):
    def call(self, x: Any) -> Any:
        return 2 * x

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


def build(params: MineParams, spec: Any, seed: int) -> Any:
    def body(inputs: Any) -> Any:
        x = keras.layers.Dense(params.width, "tanh", name="first")(inputs.flat)
        return keras.layers.Dense(params.width, "tanh", name="second")(Doubled(name="twice")(x))

    return network("mine", params, spec, seed, body)


SPEC = ModelSpec(
    name="mine",
    family="keras",
    summary="Two layers",
    params=MineParams,
    presets={"small": {}},
    memorise={"learning_rate": 5e-3},
    build=build,
)
