"""Heads: an output of a network with its loss, its target and its share of the joint loss.

A head is the one place that knows how a target in [0, 1] becomes what its loss compares with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from typing_extensions import override

from erazoo.panel import FeatureSpec
from zoo.keras.inputs import standardise

PREDICTION = "prediction"


@dataclass(frozen=True)
class Head(ABC):
    """An output that carries a loss.

    Args:
        name: the output's name.
        weight: its factor in the joint loss.
    """

    name: str
    weight: float = 1.0

    @abstractmethod
    def connect(self, body: Any, spec: FeatureSpec) -> Any:
        """Append the output layer to a tensor (n, d) of a network for the features of `spec`."""

    @abstractmethod
    def loss(self) -> Any:
        """The keras loss of this output."""

    @abstractmethod
    def target(self, features: Any, target: Any) -> Any:
        """What the loss compares with, from raw features (n, F) and targets (n,)."""


@dataclass(frozen=True)
class Regression(Head):
    """One number a row, (n, 1); `sigmoid` keeps it inside (0, 1), `linear` starts at 0.5."""

    output: Literal["sigmoid", "linear"] = "sigmoid"
    measure: Literal["mse", "mae", "huber"] = "mse"

    @override
    def connect(self, body: Any, spec: FeatureSpec) -> Any:
        import keras

        bias = "zeros" if self.output == "sigmoid" else keras.initializers.Constant(0.5)
        return keras.layers.Dense(1, activation=self.output, bias_initializer=bias, name=self.name)(
            body
        )

    @override
    def loss(self) -> Any:
        import keras

        losses = {
            "mse": keras.losses.MeanSquaredError,
            "mae": keras.losses.MeanAbsoluteError,
            "huber": keras.losses.Huber,
        }
        return losses[self.measure](name=self.measure)

    @override
    def target(self, features: Any, target: Any) -> Any:
        """The target itself, (n, 1)."""
        import keras

        return keras.ops.expand_dims(target, -1)


@dataclass(frozen=True)
class Bins(Head):
    """Probabilities over `classes` target values evenly spaced in [0, 1].

    `softmax` gives one probability a class, (n, classes), with cross-entropy. `multilabel` gives
    one independent sigmoid a boundary, (n, classes - 1), for the labels "the target lies above
    this boundary", with binary cross-entropy (the cumulative labels of Frank and Hall 2001).
    """

    kind: Literal["softmax", "multilabel"] = "softmax"
    classes: int = 5
    label_smoothing: float = 0.0

    @property
    def values(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """Weights that turn the probabilities into the expected target, float32."""
        if self.kind == "softmax":
            return np.linspace(0, 1, self.classes, dtype=np.float32)
        return np.full(self.classes - 1, 1 / (self.classes - 1), dtype=np.float32)

    @override
    def connect(self, body: Any, spec: FeatureSpec) -> Any:
        import keras

        activation = "softmax" if self.kind == "softmax" else "sigmoid"
        return keras.layers.Dense(len(self.values), activation=activation, name=self.name)(body)

    def expected(self, probabilities: Any) -> Any:
        """The expected target, (n, 1), by a layer `prediction` whose weights never change."""
        import keras

        layer = keras.layers.Dense(1, use_bias=False, trainable=False, name=PREDICTION)
        prediction = layer(probabilities)
        layer.set_weights([self.values[:, None]])
        return prediction

    @override
    def loss(self) -> Any:
        import keras

        if self.kind == "softmax":
            return keras.losses.CategoricalCrossentropy(label_smoothing=self.label_smoothing)
        return keras.losses.BinaryCrossentropy(label_smoothing=self.label_smoothing)

    @override
    def target(self, features: Any, target: Any) -> Any:
        """One-hot classes, or one 0/1 label a boundary; a target between two is rounded."""
        import keras

        nearest = keras.ops.cast(keras.ops.round(target * (self.classes - 1)), "int32")
        if self.kind == "softmax":
            return keras.ops.one_hot(nearest, self.classes)
        boundaries = keras.ops.arange(self.classes - 1, dtype="int32")
        return keras.ops.cast(nearest[:, None] > boundaries[None, :], "float32")


@dataclass(frozen=True)
class Reconstruction(Head):
    """The standardised inputs again, (n, F), by mean squared error."""

    @override
    def connect(self, body: Any, spec: FeatureSpec) -> Any:
        import keras

        return keras.layers.Dense(len(spec.names), name=self.name)(body)

    @override
    def loss(self) -> Any:
        import keras

        return keras.losses.MeanSquaredError()

    @override
    def target(self, features: Any, target: Any) -> Any:
        """The features as the network sees them after its input layers, (n, F)."""
        return standardise(features)
