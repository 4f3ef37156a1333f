"""The catalogue's entry for the deep and cross network."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.keras.dcn.params import PRESETS, DcnParams


def _build(params: DcnParams, spec: FeatureSpec, seed: int) -> Any:
    from zoo.keras.dcn.build import build

    return build(params, spec, seed)


SPEC = ModelSpec(
    name="dcn",
    family="keras",
    summary="Deep and cross network, version 2 (Wang et al. 2021)",
    params=DcnParams,
    presets=PRESETS,
    memorise={"dropout": 0.0, "weight_decay": 0.0, "learning_rate": 0.003},
    build=_build,
)
