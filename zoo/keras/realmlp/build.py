"""Builds RealMLP."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from erazoo.panel import FeatureSpec
from zoo.keras.inputs import Inputs
from zoo.keras.network import network
from zoo.keras.realmlp.layers import (
    NtkDense,
    ParametricActivation,
    PeriodicEmbedding,
    Scale,
    SmoothClip,
)
from zoo.keras.realmlp.params import RealmlpParams

NORMAL_RANGE = 1.349
"""Interquartile range of a standard normal; standardised quintiles have sqrt(2)."""


def build(params: RealmlpParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to `main_head` and `prediction`."""

    def body(inputs: Inputs) -> Any:
        spread = math.sqrt(2) if spec.dtype == np.int8 else NORMAL_RANGE
        x = SmoothClip(scale=1 / spread, name="robust_clip")(inputs.flat)
        if params.embedding > 1:
            waves = PeriodicEmbedding(params.embedding, params.waves, params.sigma, name="periodic")
            x = waves(x)
        x = Scale(name="feature_scale")(x)
        for number, units in enumerate(params.units, start=1):
            x = NtkDense(units, name=f"hidden_{number}")(x)
            x = ParametricActivation(params.activation, name=f"hidden_{number}_bend")(x)
            if params.dropout:
                x = keras.layers.Dropout(params.dropout, name=f"hidden_{number}_dropout")(x)
        # The head's kernel, too, learns at the pace of this parametrisation.
        return keras.layers.Rescaling(params.units[-1] ** -0.5, name="end_scale")(x)

    return network("realmlp", params, spec, seed, body)
