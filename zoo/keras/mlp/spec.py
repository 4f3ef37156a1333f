"""The catalogue's entry for the multilayer perceptron."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.keras.mlp.params import PRESETS, MlpParams


def _build(params: MlpParams, spec: FeatureSpec, seed: int) -> Any:
    from zoo.keras.mlp.build import build

    return build(params, spec, seed)


SPEC = ModelSpec(
    name="mlp",
    family="keras",
    summary="Multilayer perceptron",
    params=MlpParams,
    presets=PRESETS,
    memorise={
        "dropout": 0.0,
        "inputs": {"dropout": 0.0},
        "weight_decay": 0.0,
        "learning_rate": 0.003,
    },
    build=_build,
)
