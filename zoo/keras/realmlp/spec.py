"""The catalogue's entry for the network RealMLP."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.keras.realmlp.params import PRESETS, RealmlpParams


def _build(params: RealmlpParams, spec: FeatureSpec, seed: int) -> Any:
    from zoo.keras.realmlp.build import build

    return build(params, spec, seed)


SPEC = ModelSpec(
    name="realmlp",
    family="keras",
    summary="RealMLP, a perceptron of tuned parts (Holzmüller, Grinsztajn and Steinwart 2024)",
    params=RealmlpParams,
    presets=PRESETS,
    memorise={"dropout": 0.0, "weight_decay": 0.0, "learning_rate": 0.02},
    build=_build,
)
