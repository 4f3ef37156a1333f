"""The catalogue's entry for the supervised autoencoder for regression."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.keras.ae_mlp.params import PRESETS, AeMlpParams


def _build(params: AeMlpParams, spec: FeatureSpec, seed: int) -> Any:
    from zoo.keras.ae_mlp.build import build

    return build(params, spec, seed)


SPEC = ModelSpec(
    name="ae_mlp",
    family="keras",
    summary="Supervised autoencoder for regression, the twin of ae_classifier",
    params=AeMlpParams,
    presets=PRESETS,
    memorise={
        "noise": 0.0,
        "decoder_dropout": 0.0,
        "ae_head_dropout": 0.0,
        "main_input_dropout": 0.0,
        "main_dropouts": (0.0, 0.0),
        "weight_decay": 0.0,
        "learning_rate": 0.003,
    },
    build=_build,
)
