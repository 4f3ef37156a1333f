"""Builds the linear network."""

from __future__ import annotations

from typing import Any

from erazoo.panel import FeatureSpec
from zoo.keras.linear.params import LinearParams
from zoo.keras.network import network


def build(params: LinearParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to `main_head` and `prediction`."""
    return network("linear", params, spec, seed, lambda inputs: inputs.flat)
