"""Builds the supervised autoencoder classifier."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.keras.ae_classifier.params import AeClassifierParams
from zoo.keras.supervised import supervised_autoencoder


def build(params: AeClassifierParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to its outputs.

    They are `reconstruction` (n, F), `ae_head`, `main_head` and `prediction` (n, 1).
    """
    return supervised_autoencoder("ae_classifier", params, spec, seed)
