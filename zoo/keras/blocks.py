"""Layers that several architectures stack."""

from __future__ import annotations

from collections.abc import Sequence
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


def dense_stack(
    x: Any,
    widths: Sequence[int],
    name: str,
    *,
    activation: Activation,
    normalise: bool = False,
    dropout: float = 0.0,
) -> Any:
    """Dense blocks one after the other, `name_1` and so on: (n, d) to (n, widths[-1])."""
    for number, units in enumerate(widths, start=1):
        x = dense_block(
            x,
            units,
            f"{name}_{number}",
            activation=activation,
            normalise=normalise,
            dropout=dropout,
        )
    return x


def torch_dense(units: int, fan_in: int, name: str) -> Any:
    """A dense layer that starts as `torch.nn.Linear` does, uniform within 1 / sqrt(fan_in).

    The published recipes of several architectures are tuned for it.
    """
    import keras

    limit = fan_in**-0.5
    return keras.layers.Dense(
        units,
        kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
        bias_initializer=keras.initializers.RandomUniform(-limit, limit),
        name=name,
    )
