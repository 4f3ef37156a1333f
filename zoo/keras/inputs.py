"""Raw features in, standardised values out, inside the network, so that a saved file needs none.

A quintile column is uniform over 0..4: mean 2, variance 2. Centring on 2 also sends a missing
value to 0, whichever code it has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from erazoo.errors import ConfigError
from erazoo.panel import OWN_CODE, FeatureSpec

if TYPE_CHECKING:
    from zoo.keras.params import InputOptions

CENTRE = 2.0
SCALE = 1 / math.sqrt(2)


@dataclass(frozen=True)
class Inputs:
    """The way into a network.

    Args:
        spec: the features.
        features: the input itself, raw, (n, F).
        flat: (n, F * depth): all numbers of the first feature, then of the second, and so on.
        depth: numbers a feature.
    """

    spec: FeatureSpec
    features: Any
    flat: Any
    depth: int = 1

    @property
    def columns(self) -> Any:
        """The same values with an axis for the features, (n, F, depth)."""
        import keras

        return keras.layers.Reshape((len(self.spec.names), self.depth), name="columns")(self.flat)


def read_inputs(spec: FeatureSpec, options: InputOptions) -> Inputs:
    """The input of a network and the values that its body sees.

    Quintiles are centred and scaled by constants, float features normalised by batch statistics.
    A network for quintiles also takes them as floats. Noise and dropout act in training only.

    Raises:
        ConfigError: options that these features do not go with.
    """
    import keras

    _check(spec, options)
    features = keras.Input((len(spec.names),), dtype=spec.dtype.name, name="features")
    if options.embedding:
        return _embedded(spec, options, features)
    values = _disturbed(_standardised(spec, features), options)
    if not options.indicator:
        return Inputs(spec, features, values)
    columns = keras.layers.Reshape((len(spec.names), 1), name="values")(values)
    missing = keras.ops.cast(keras.ops.equal(features, OWN_CODE), "float32")[..., None]
    both = keras.layers.Concatenate(name="with_indicator")([columns, missing])
    return Inputs(spec, features, keras.layers.Flatten(name="inputs")(both), 2)


def standardise(features: Any) -> Any:
    """What a network is to reconstruct from raw features (n, F), as float32.

    Quintiles as `read_inputs` scales them; float features as they are.
    """
    import keras

    quintiles = keras.backend.standardize_dtype(features.dtype) == "int8"
    values = keras.ops.cast(features, "float32")
    return (_without_own_code(values) - CENTRE) * SCALE if quintiles else values


def _check(spec: FeatureSpec, options: InputOptions) -> None:
    if options.embedding and spec.dtype != np.int8:
        raise ConfigError(
            "inputs.embedding is for quintile features",
            received=f"{spec.dtype} features",
            hint="Leave it at 0",
        )
    if options.indicator and spec.missing != OWN_CODE:
        raise ConfigError(
            "inputs.indicator needs missing values with a code of their own",
            received=f"missing values as {spec.missing}",
            expected=f"int8 features with missing values as {OWN_CODE}",
        )


def _standardised(spec: FeatureSpec, features: Any) -> Any:
    import keras

    # In float32 under any precision policy: raw floats may be too large for 16 bits.
    if spec.dtype != np.int8:
        return keras.layers.BatchNormalization(dtype="float32", name="standardise")(features)
    codes = _without_own_code(features) if spec.missing == OWN_CODE else features
    layer = keras.layers.Rescaling(SCALE, -CENTRE * SCALE, dtype="float32", name="standardise")
    return layer(codes)


def _disturbed(values: Any, options: InputOptions) -> Any:
    """Noise on values (n, F) or (n, F, d), and whole features dropped."""
    import keras

    if options.noise:
        values = keras.layers.GaussianNoise(options.noise, name="input_noise")(values)
    if options.dropout:
        shape = (None, *values.shape[1:2], *[1] * (len(values.shape) - 2))
        layer = keras.layers.Dropout(options.dropout, noise_shape=shape, name="input_dropout")
        values = layer(values)
    return values


def _embedded(spec: FeatureSpec, options: InputOptions, features: Any) -> Inputs:
    """A table of unit-variance vectors, one row a code of a feature."""
    import keras

    codes, width = _codes(spec), len(spec.names)
    first = np.arange(width, dtype=np.int32) * codes
    rows = keras.ops.cast(features, "int32") + first
    table = keras.layers.Embedding(
        width * codes,
        options.embedding,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0),
        name="bin_embedding",
    )
    vectors = _disturbed(table(rows), options)
    flat = keras.layers.Flatten(name="inputs")(vectors)
    return Inputs(spec, features, flat, options.embedding)


def _codes(spec: FeatureSpec) -> int:
    return OWN_CODE + 1 if spec.missing == OWN_CODE else OWN_CODE


def _without_own_code(features: Any) -> Any:
    """Quintiles whose own code of missing values is the centre, as float32."""
    import keras

    codes = keras.ops.cast(features, "float32")
    return keras.ops.where(keras.ops.equal(codes, OWN_CODE), CENTRE, codes)
