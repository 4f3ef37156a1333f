"""Layers that several architectures stack."""

from __future__ import annotations

from typing import Any

from zoo.keras.params import Activation


def dense_block(
    x: Any,
    units: int,
    name: str,
    *,
    activation: Activation,
    normalise: bool = False,
    dropout: float = 0.0,
) -> Any:
    """Dense, activation and, where asked, batch normalisation and dropout: (n, d) to (n, units)."""
    import keras

    x = keras.layers.Dense(units, name=f"{name}_dense")(x)
    if normalise:
        x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
    x = keras.layers.Activation(activation, name=f"{name}_{activation}")(x)
    return keras.layers.Dropout(dropout, name=f"{name}_dropout")(x) if dropout else x
