"""The catalogue's entry for the feature transformer."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.keras.ft_transformer.params import PRESETS, FtTransformerParams


def _build(params: FtTransformerParams, spec: FeatureSpec, seed: int) -> Any:
    from zoo.keras.ft_transformer.build import build

    return build(params, spec, seed)


SPEC = ModelSpec(
    name="ft_transformer",
    family="keras",
    summary="Transformer over tokens of features or of groups of them (Gorishniy et al. 2021)",
    params=FtTransformerParams,
    presets=PRESETS,
    needs=("GPU advised",),
    memorise={
        "attention_dropout": 0.0,
        "dropout": 0.0,
        "weight_decay": 0.0,
        "learning_rate": 0.003,
    },
    build=_build,
)
