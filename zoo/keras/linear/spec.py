"""The catalogue's entry for the linear network."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.keras.linear.params import PRESETS, LinearParams


def _build(params: LinearParams, spec: FeatureSpec, seed: int) -> Any:
    from zoo.keras.linear.build import build

    return build(params, spec, seed)


SPEC = ModelSpec(
    name="linear",
    family="keras",
    summary="A head straight on the inputs, with any loss",
    params=LinearParams,
    presets=PRESETS,
    memorise={"learning_rate": 0.05},
    build=_build,
)
