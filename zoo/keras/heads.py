"""Heads: an output of a network with its loss, its labels and its share of the joint loss.

A head is the one place that knows how a target in [0, 1] becomes what its loss compares with. It
stands on any body: features (n, d), or those of k members (n, k, d), each of which then has an
output of its own, learns by its own loss, and is averaged into the prediction.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from typing_extensions import override

from erazoo.panel import FeatureSpec
from zoo.keras.inputs import standardise

MAIN = "main_head"
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
        """Append the output layer to a body of a network for the features of `spec`."""

    @abstractmethod
    def loss(self) -> Any:
        """The keras loss of this output."""

    @abstractmethod
    def labels(self, features: Any, target: Any, places: Any = None) -> Any:
        """What the loss compares with, NaN where it is unknown.

        Args:
            features: raw, (n, F).
            target: (n,), or (n, T) where a batch has several.
            places: of each row's era in the batch, (n,) from 0 on; None for rows of one era.
        """


@dataclass(frozen=True)
class _Predicting(Head, ABC):
    """A head that a prediction can be read from.

    Args:
        column: of its target in a batch with several.
    """

    column: int = 0

    @abstractmethod
    def predict(self, output: Any) -> Any:
        """The expected target, (n, 1), from the head's output."""

    def _target(self, target: Any) -> Any:
        return target if len(target.shape) == 1 else target[:, self.column]


@dataclass(frozen=True)
class Regression(_Predicting):
    """One number a row, (n, 1), or (n, k, 1) of members.

    Args:
        output: `sigmoid` keeps it inside (0, 1), `linear` starts at `start`.
        measure: the loss.
        delta: of `huber`.
        start: of `linear`.
        eras: whole eras a batch, for `pearson` and `corr`.
    """

    output: Literal["sigmoid", "linear"] = "sigmoid"
    measure: Literal["mse", "mae", "huber", "log_cosh", "pearson", "corr"] = "mse"
    delta: float = 0.25
    start: float = 0.5
    eras: int = 1

    @override
    def connect(self, body: Any, spec: FeatureSpec) -> Any:
        bias = self.start if self.output == "linear" else 0.0
        return _output(body, 1, self.output, self.name, bias)

    @override
    def predict(self, output: Any) -> Any:
        import keras

        if len(output.shape) == 3:
            return _averaged(output)
        return keras.layers.Identity(name=PREDICTION, dtype="float32")(output)

    @property
    def per_era(self) -> bool:
        """Whether the loss is taken era by era."""
        return self.measure in ("pearson", "corr")

    @override
    def loss(self) -> Any:
        from zoo.keras.losses import EraLoss, RowLoss

        if self.per_era:
            return EraLoss(self.eras, ranked=self.measure == "corr", name=self.measure)
        if self.measure == "huber":
            return RowLoss(self.measure, delta=self.delta)
        return RowLoss(self.measure)

    @override
    def labels(self, features: Any, target: Any, places: Any = None) -> Any:
        """The target, (n, 1); for losses of eras the row's place beside it, (n, 2)."""
        import keras

        own = keras.ops.cast(self._target(target), "float32")
        if not self.per_era:
            return own[:, None]
        where = keras.ops.zeros_like(own) if places is None else keras.ops.cast(places, "float32")
        return keras.ops.stack([own, where], axis=1)


@dataclass(frozen=True)
class Labels(_Predicting):
    """Probabilities over `classes` target values evenly spaced in [0, 1].

    `classes` gives one probability a class, (n, classes), with cross-entropy. `multilabel` gives
    one independent sigmoid a boundary, (n, classes - 1), for the labels "the target lies above
    this boundary", with binary cross-entropy (the cumulative labels of Frank and Hall 2001).
    `ordinal` gives the same labels' probabilities on condition of the boundary below, trained on
    the rows that meet it; the product of those up to a boundary falls from one to the next, so
    that they never contradict each other (CORN, Shi, Cao and Raschka 2023, with the loss averaged
    over rows rather than over row and boundary pairs).
    """

    kind: Literal["classes", "multilabel", "ordinal"] = "classes"
    classes: int = 5
    label_smoothing: float = 0.0

    @property
    def values(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """Weights that turn probabilities into the expected target, float32.

        They are those of classes, or those of lying above each boundary.
        """
        if self.kind == "classes":
            return np.linspace(0, 1, self.classes, dtype=np.float32)
        return np.full(self.classes - 1, 1 / (self.classes - 1), dtype=np.float32)

    @override
    def connect(self, body: Any, spec: FeatureSpec) -> Any:
        activation = "softmax" if self.kind == "classes" else "sigmoid"
        return _output(body, len(self.values), activation, self.name, 0.0)

    @override
    def predict(self, output: Any) -> Any:
        """The expected target, (n, 1), by a layer whose weights never change."""
        import keras

        if self.kind == "ordinal":
            output = keras.ops.cumprod(output, axis=-1)
        members = len(output.shape) == 3
        layer = keras.layers.Dense(
            1,
            use_bias=False,
            trainable=False,
            dtype="float32",
            name="expected" if members else PREDICTION,
        )
        layer.build(output.shape)
        layer.set_weights([self.values[:, None]])
        return _averaged(layer(output)) if members else layer(output)

    @override
    def loss(self) -> Any:
        from zoo.keras.losses import RowLoss

        measure = {"classes": "cross_entropy", "multilabel": "binary", "ordinal": "conditional"}
        return RowLoss(measure[self.kind], label_smoothing=self.label_smoothing)

    @override
    def labels(self, features: Any, target: Any, places: Any = None) -> Any:
        """One-hot classes, or one 0/1 label a boundary; a target between two is rounded."""
        import keras

        own = keras.ops.cast(self._target(target), "float32")
        known = keras.ops.logical_not(keras.ops.isnan(own))
        steps = keras.ops.where(known, own, 0.0) * (self.classes - 1)
        nearest = keras.ops.cast(keras.ops.round(steps), "int32")
        if self.kind == "classes":
            labels = keras.ops.one_hot(nearest, self.classes)
        else:
            boundaries = keras.ops.arange(self.classes - 1, dtype="int32")
            labels = keras.ops.cast(nearest[:, None] > boundaries[None, :], "float32")
        return keras.ops.where(known[:, None], labels, math.nan)


@dataclass(frozen=True)
class Reconstruction(Head):
    """The standardised inputs again, (n, F), by mean squared error."""

    @override
    def connect(self, body: Any, spec: FeatureSpec) -> Any:
        return _output(body, len(spec.names), "linear", self.name, 0.0)

    @override
    def loss(self) -> Any:
        from zoo.keras.losses import RowLoss

        return RowLoss("mse")

    @override
    def labels(self, features: Any, target: Any, places: Any = None) -> Any:
        """The features as the network sees them after its input layers, (n, F)."""
        return standardise(features)


def _output(body: Any, units: int, activation: str, name: str, bias: float) -> Any:
    """A dense output in float32 whatever the body's precision; one a member of k members."""
    import keras

    start = keras.initializers.Constant(bias) if bias else "zeros"
    if len(body.shape) == 2:
        layer = keras.layers.Dense(
            units, activation, bias_initializer=start, dtype="float32", name=name
        )
    else:
        width = body.shape[-1]
        # The uniform law of scale 1 / sqrt(d) that torch.nn.Linear has, for each member.
        limit = 1 / math.sqrt(width)
        layer = keras.layers.EinsumDense(
            "nkd,kdc->nkc",
            (body.shape[1], units),
            activation,
            bias_axes="kc",
            kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
            bias_initializer=start,
            dtype="float32",
            name=name,
        )
    return layer(body)


def _averaged(members: Any) -> Any:
    """The mean of the members' predictions (n, k, 1), (n, 1)."""
    import keras

    return keras.layers.GlobalAveragePooling1D(dtype="float32", name=PREDICTION)(members)
