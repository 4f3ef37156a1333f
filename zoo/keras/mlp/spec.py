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
    summary="Multilayer perceptron with one regression output",
    params=MlpParams,
    presets=PRESETS,
    build=_build,
)
