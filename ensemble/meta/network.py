"""The network: statistics of an era in, its place among eras and a shift of the weights out."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from erazoo.config.schema import MetaSection

FLOOR = 0.01
"""The share of equal weights in the start, so that no member is out of reach for good."""


def build_network(inputs: int, members: int, settings: MetaSection, seed: int) -> Any:
    """A network from scaled statistics (E, C) to shifts (E, M) and embeddings (E, D).

    The head begins at 0: an untrained network leaves the static weights as they are. Only layers
    of Keras are in it.

    Args:
        inputs: C.
        members: M.
        settings: widths of the hidden layers and D.
        seed: of the first weights.
    """
    numbers = iter(range(seed, seed + len(settings.hidden) + 1))
    statistics = keras.Input((inputs,), name="statistics")
    values = statistics
    for place, width in enumerate(settings.hidden):
        values = keras.layers.Dense(
            width,
            activation="silu",
            kernel_initializer=keras.initializers.GlorotUniform(next(numbers)),
            name=f"hidden_{place}",
        )(values)
    embedding = keras.layers.Dense(
        settings.embedding,
        activation="tanh",
        kernel_initializer=keras.initializers.GlorotUniform(next(numbers)),
        name="embedding",
    )(values)
    shift = keras.layers.Dense(members, kernel_initializer="zeros", name="shift")(embedding)
    return keras.Model(statistics, [shift, embedding], name="meta")


def start_of(static: NDArray[Any]) -> NDArray[np.float32]:
    """(M,) logits of static weights, with `FLOOR` of equal weights mixed in."""
    mixed = (1 - FLOOR) * np.asarray(static, dtype=np.float64) + FLOOR / len(static)
    return np.log(mixed).astype(np.float32)


def gate(logits: Any, top_k: int) -> Any:
    """Softmax weights of logits (..., M), of the `top_k` highest alone where it is not 0."""
    if 0 < top_k < logits.shape[-1]:
        least = keras.ops.top_k(logits, top_k)[0][..., -1:]
        logits = keras.ops.where(logits < least, -1e9, logits)
    return keras.ops.softmax(logits, axis=-1)
