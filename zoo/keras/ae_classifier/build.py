"""Builds the supervised autoencoder classifier."""

from __future__ import annotations

from typing import Any

import keras

from erazoo.panel import FeatureSpec
from zoo.keras.ae_classifier.params import AeClassifierParams
from zoo.keras.blocks import dense_block
from zoo.keras.heads import PREDICTION
from zoo.keras.inputs import raw_input


def build(params: AeClassifierParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to its four outputs.

    They are `reconstruction` (n, F), `ae_head` and `main_head` (n, classes, or one less for
    boundaries) and `prediction` (n, 1), the expected target under `main_head`.
    """
    keras.utils.set_random_seed(seed)
    features, standardised = raw_input(spec)
    inputs = keras.layers.BatchNormalization(name="input_norm")(standardised)
    code = _encoder(params, inputs)
    decoded = keras.layers.Dropout(params.decoder_dropout, name="decoder_dropout")(code)
    reconstruction = params.reconstruction.connect(decoded, spec)
    main = params.main_head.connect(_main(params, inputs, code), spec)
    outputs = {
        "reconstruction": reconstruction,
        "ae_head": params.ae_head.connect(_ae_head(params, reconstruction), spec),
        "main_head": main,
        PREDICTION: params.main_head.expected(main),
    }
    return keras.Model(features, outputs, name="ae_classifier")


def _encoder(params: AeClassifierParams, inputs: Any) -> Any:
    noisy = keras.layers.GaussianNoise(params.noise, name="encoder_noise")(inputs)
    return dense_block(
        noisy, params.encoder_units, "encoder", activation=params.activation, normalise=True
    )


def _ae_head(params: AeClassifierParams, reconstruction: Any) -> Any:
    return dense_block(
        reconstruction,
        params.ae_head_units,
        "ae_head_block",
        activation=params.activation,
        normalise=True,
        dropout=params.ae_head_dropout,
    )


def _main(params: AeClassifierParams, inputs: Any, code: Any) -> Any:
    x = keras.layers.Concatenate(name="main_input")([inputs, code])
    x = keras.layers.BatchNormalization(name="main_input_norm")(x)
    x = keras.layers.Dropout(params.main_input_dropout, name="main_input_dropout")(x)
    blocks = zip(params.main_units, params.main_dropouts, strict=True)
    for number, (units, dropout) in enumerate(blocks, start=1):
        x = dense_block(
            x,
            units,
            f"main_{number}",
            activation=params.activation,
            normalise=True,
            dropout=dropout,
        )
    return x
