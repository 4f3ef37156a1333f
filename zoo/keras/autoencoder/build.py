"""Builds the autoencoder."""

from __future__ import annotations

from typing import Any

import keras

from erazoo.panel import FeatureSpec
from zoo.keras.autoencoder.params import RECONSTRUCTION, AutoencoderParams
from zoo.keras.blocks import dense_stack
from zoo.keras.encoder import CODE
from zoo.keras.inputs import read_inputs
from zoo.keras.layers import GaussianCode
from zoo.keras.network import closed


def build(params: AutoencoderParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to `reconstruction` (n, F) and the probe's."""
    keras.utils.set_random_seed(seed)
    inputs = read_inputs(spec, params.inputs)
    code = _code(params, _encoded(params, inputs.flat), len(spec.names))
    decoded = _blocks(params, code, params.units[::-1], "decoder")
    read = code if params.supervised else keras.ops.stop_gradient(code)
    outputs = {
        head.name: head.connect(decoded if head.name == RECONSTRUCTION else read, spec)
        for head in params.heads()
    }
    return closed("autoencoder", params, inputs, outputs)


def _encoded(params: AutoencoderParams, x: Any) -> Any:
    if params.noise:
        x = keras.layers.GaussianNoise(params.noise, name="encoder_noise")(x)
    if params.mask:
        x = keras.layers.Dropout(params.mask, name="encoder_mask")(x)
    return _blocks(params, x, params.units, "encoder")


def _code(params: AutoencoderParams, x: Any, features: int) -> Any:
    if not params.variational:
        return keras.layers.Dense(params.code, name=CODE)(x)
    mean = keras.layers.Dense(params.code, name="code_mean")(x)
    spread = keras.layers.Dense(params.code, kernel_initializer="zeros", name="code_log_variance")(
        x
    )
    # The reconstruction's loss is 2 / features of a unit Gaussian's.
    weight = params.divergence * params.reconstruction_weight * 2 / features
    return GaussianCode(weight, name=CODE)([mean, spread])


def _blocks(params: AutoencoderParams, x: Any, units: tuple[int, ...], name: str) -> Any:
    return dense_stack(x, units, name, activation=params.activation, normalise=params.normalise)
