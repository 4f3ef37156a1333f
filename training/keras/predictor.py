"""A trained network as a function of raw features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import zoo.keras.layers  # noqa: F401  (registers what saved networks are made of)
from erazoo.errors import ArtifactError, SchemaError
from erazoo.panel import FeatureSpec
from zoo.keras.encoder import MODEL as MODEL
from zoo.keras.heads import PREDICTION

CHUNK_ROWS = 8192


class Predictor:
    """Raw features (rows, F) to predictions (rows,) float32, traced once for any row count.

    Args:
        model: a network with an output `prediction` (n, 1).
        spec: the features that it takes.
    """

    def __init__(self, model: Any, spec: FeatureSpec) -> None:
        self.width, self.dtype = len(spec.names), spec.dtype
        signature = tf.TensorSpec((None, self.width), spec.dtype)
        self._forward = tf.function(
            lambda features: model(features, training=False)[PREDICTION][:, 0],
            input_signature=[signature],
        )

    def __call__(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predict in pieces of `CHUNK_ROWS`, so that memory is bounded.

        Raises:
            SchemaError: the features are not (rows, F), or of another type than was trained on.
        """
        if features.shape[1:] != (self.width,) or features.dtype != self.dtype:
            raise SchemaError(
                "features do not fit the network",
                received=f"shape {features.shape} of {features.dtype}",
                expected=f"(rows, {self.width}) of {self.dtype}",
            )
        result = np.empty(len(features), dtype=np.float32)
        for start in range(0, len(features), CHUNK_ROWS):
            stop = start + CHUNK_ROWS
            result[start:stop] = self._forward(features[start:stop]).numpy()
        return result


def load(folder: Path, spec: FeatureSpec) -> Predictor:
    """The predictor of the network saved in `folder`.

    Raises:
        ArtifactError: there is no network, or its file is damaged.
        SchemaError: it was trained on another number of features.
    """
    path = folder / MODEL
    if not path.is_file():
        raise ArtifactError("there is no trained network here", received=str(path))
    try:
        model = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(
            "a saved network cannot be read",
            received=f"{path} ({str(error).splitlines()[0]})",
            hint="Train the model again",
        ) from error
    width = model.input_shape[-1]
    if width != len(spec.names):
        raise SchemaError(
            "a network trained on other features",
            received=f"{len(spec.names)} features",
            expected=f"{width} features",
        )
    return Predictor(model, spec)
