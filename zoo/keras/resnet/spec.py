"""The catalogue's entry for the residual network."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.keras.resnet.params import PRESETS, ResnetParams


def _build(params: ResnetParams, spec: FeatureSpec, seed: int) -> Any:
    from zoo.keras.resnet.build import build

    return build(params, spec, seed)


SPEC = ModelSpec(
    name="resnet",
    family="keras",
    summary="Residual network for tables (Gorishniy et al. 2021)",
    params=ResnetParams,
    presets=PRESETS,
    memorise={
        "dropout": 0.0,
        "residual_dropout": 0.0,
        "inputs": {"dropout": 0.0},
        "weight_decay": 0.0,
        "learning_rate": 0.003,
    },
    build=_build,
)
