"""The catalogue's entry for the convolutional network."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.keras.cnn1d.params import PRESETS, Cnn1dParams


def _build(params: Cnn1dParams, spec: FeatureSpec, seed: int) -> Any:
    from zoo.keras.cnn1d.build import build

    return build(params, spec, seed)


SPEC = ModelSpec(
    name="cnn1d",
    family="keras",
    summary="Convolutions over the features in the order of their groups",
    params=Cnn1dParams,
    presets=PRESETS,
    memorise={"dropout": 0.0, "weight_decay": 0.0, "learning_rate": 0.001},
    build=_build,
)
