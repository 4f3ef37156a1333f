"""Raw features in, standardised values out, inside the network, so that a saved file needs none.

A quintile column is uniform over 0..4: mean 2, variance 2. Centring on 2 also sends a missing
value to 0, whichever code it has.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from erazoo.panel import OWN_CODE, FeatureSpec

CENTRE = 2.0
SCALE = 1 / math.sqrt(2)


def raw_input(spec: FeatureSpec) -> tuple[Any, Any]:
    """The input of a network and its standardised form, both (n, F).

    Quintiles are centred and scaled by constants, float features normalised by batch statistics.
    A network for quintiles also takes them as floats.
    """
    import keras

    features = keras.Input((len(spec.names),), dtype=spec.dtype.name, name="features")
    if spec.dtype == np.int8:
        codes = _without_own_code(features) if spec.missing == OWN_CODE else features
        rescaled = keras.layers.Rescaling(SCALE, -CENTRE * SCALE, name="standardise")
        return features, rescaled(codes)
    return features, keras.layers.BatchNormalization(name="standardise")(features)


def standardise(features: Any) -> Any:
    """What a network is to reconstruct from raw features (n, F), as float32.

    Quintiles as `raw_input` scales them; float features as they are.
    """
    import keras

    quintiles = keras.backend.standardize_dtype(features.dtype) == "int8"
    values = keras.ops.cast(features, "float32")
    return (_without_own_code(values) - CENTRE) * SCALE if quintiles else values


def _without_own_code(features: Any) -> Any:
    """Quintiles whose own code of missing values is the centre, as float32."""
    import keras

    codes = keras.ops.cast(features, "float32")
    return keras.ops.where(keras.ops.equal(codes, OWN_CODE), CENTRE, codes)
