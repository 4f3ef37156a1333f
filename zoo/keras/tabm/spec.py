"""The catalogue's entry for the ensemble TabM."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.keras.tabm.params import PRESETS, TabmParams


def _build(params: TabmParams, spec: FeatureSpec, seed: int) -> Any:
    from zoo.keras.tabm.build import build

    return build(params, spec, seed)


SPEC = ModelSpec(
    name="tabm",
    family="keras",
    summary="TabM: an ensemble in one network by rank-one adapters (Gorishniy et al. 2025)",
    params=TabmParams,
    presets=PRESETS,
    memorise={"dropout": 0.0, "weight_decay": 0.0, "learning_rate": 0.005},
    build=_build,
)
