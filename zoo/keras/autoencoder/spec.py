"""The catalogue's entry for the autoencoder."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.keras.autoencoder.params import PRESETS, AutoencoderParams


def _build(params: AutoencoderParams, spec: FeatureSpec, seed: int) -> Any:
    from zoo.keras.autoencoder.build import build

    return build(params, spec, seed)


SPEC = ModelSpec(
    name="autoencoder",
    family="keras",
    summary="Denoising or variational autoencoder; other networks may read its code",
    params=AutoencoderParams,
    presets=PRESETS,
    memorise={
        "noise": 0.0,
        "mask": 0.0,
        "weight_decay": 0.0,
        "learning_rate": 0.01,
        "supervised": True,
    },
    build=_build,
)
