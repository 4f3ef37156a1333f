"""Layers that Keras has not; a file of a network with one of them loads after this import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from typing_extensions import override

from zoo.keras.realmlp.layers import (
    NtkDense,
    ParametricActivation,
    PeriodicEmbedding,
    Scale,
    SmoothClip,
)
from zoo.keras.unpack import Unpack

__all__ = [
    "ClassToken",
    "Columns",
    "FeatureTokens",
    "GaussianCode",
    "NtkDense",
    "ParametricActivation",
    "PeriodicEmbedding",
    "RankOneDense",
    "Scale",
    "SmoothClip",
    "Unpack",
]

_saved = keras.saving.register_keras_serializable(package="erazoo")


def random_signs(shape: Any, dtype: Any = None) -> Any:
    """-1 and 1 with equal chances."""
    drawn = keras.random.uniform(shape, -1, 1, dtype=dtype or "float32")
    return ops.where(drawn < 0, -1.0, 1.0)


def _uniform(limit: float) -> Any:
    return keras.initializers.RandomUniform(-limit, limit)


@_saved
class Columns(keras.layers.Layer):  # type: ignore[misc]
    """Some features of all: (n, F) to (n, k).

    Args:
        columns: positions of the k features, in order.
        options: of every keras layer.
    """

    def __init__(self, columns: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.columns = list(columns)

    @override
    def call(self, x: Any) -> Any:
        """(n, F) to (n, k), of the same type."""
        return ops.take(x, self.columns, axis=1)

    @override
    def compute_output_spec(self, x: Any) -> Any:
        """(n, k) of the same type."""
        return keras.KerasTensor((x.shape[0], len(self.columns)), dtype=x.dtype)

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        return {**super().get_config(), "columns": self.columns}


@_saved
class RankOneDense(keras.layers.Layer):  # type: ignore[misc]
    """k dense layers that share a kernel: s_k * ((r_k * x) W) + b_k, for all k at once.

    Kernel and biases start uniform within 1 / sqrt(d), the same bias in every member; `s` at 1,
    and `r` at random signs in the first layer of a network, else at 1. Source: TabM (Gorishniy,
    Kotelnikov and Babenko 2025), after BatchEnsemble (Wen, Tran and Ba 2020).

    From plain features (n, d) the factors are taken into the kernel, one product with
    (d, k * units), since the features need no gradient and stand once, not k times; from those of
    members (n, k, d) they are taken into the activations, one product with the shared kernel.

    Args:
        members: k.
        units: outputs of each member.
        signs: whether `r` starts at random signs.
        options: of every keras layer.
    """

    def __init__(self, members: int, units: int, signs: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.members, self.units, self.signs = members, units, signs

    @override
    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        limit = width**-0.5

        def shared(shape: Any, dtype: Any = None) -> Any:
            row = keras.random.uniform((1, shape[1]), -limit, limit, dtype=dtype or "float32")
            return ops.tile(row, (shape[0], 1))

        first = random_signs if self.signs else "ones"
        self.kernel = self.add_weight(
            name="kernel", shape=(width, self.units), initializer=_uniform(limit)
        )
        self.r = self.add_weight(name="r", shape=(self.members, width), initializer=first)
        self.s = self.add_weight(name="s", shape=(self.members, self.units), initializer="ones")
        self.bias = self.add_weight(
            name="bias", shape=(self.members, self.units), initializer=shared
        )

    @override
    def call(self, x: Any) -> Any:
        """(n, d) or (n, k, d) to (n, k, units)."""
        if len(x.shape) == 2:
            r = ops.transpose(self.r)[:, :, None]
            kernels = r * self.kernel[:, None, :] * self.s[None]
            flat = ops.reshape(kernels, (-1, self.members * self.units))
            values = ops.reshape(ops.matmul(x, flat), (-1, self.members, self.units))
            return values + self.bias
        width = x.shape[-1]
        flat = ops.reshape(x * self.r, (-1, width))
        values = ops.reshape(ops.matmul(flat, self.kernel), (-1, self.members, self.units))
        return values * self.s + self.bias

    @override
    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """(n, k, units)."""
        return (input_shape[0], self.members, self.units)

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        own = {"members": self.members, "units": self.units, "signs": self.signs}
        return {**super().get_config(), **own}


@_saved
class FeatureTokens(keras.layers.Layer):  # type: ignore[misc]
    """A token a feature, or a group of them: (n, T, m) to (n, T, d) by weights of each its own.

    All start uniform within 1 / sqrt(d m). Source: the feature tokenizer of FT-Transformer
    (Gorishniy et al. 2021), which has m = 1.

    Args:
        width: d.
        options: of every keras layer.
    """

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.width = width

    @override
    def build(self, input_shape: Any) -> None:
        _, tokens, size = input_shape
        start = _uniform((self.width * size) ** -0.5)
        self.tokens = self.add_weight(
            name="tokens", shape=(tokens, size, self.width), initializer=start
        )
        self.bias = self.add_weight(name="bias", shape=(tokens, self.width), initializer=start)

    @override
    def call(self, x: Any) -> Any:
        if x.shape[-1] == 1:
            return x * self.tokens[:, 0] + self.bias
        return ops.einsum("ntm,tmd->ntd", x, self.tokens) + self.bias

    @override
    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """(n, T, d)."""
        return (*input_shape[:-1], self.width)

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        return {**super().get_config(), "width": self.width}


@_saved
class ClassToken(keras.layers.Layer):  # type: ignore[misc]
    """Puts a learned token before the others: (n, T, d) to (n, 1 + T, d)."""

    @override
    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.token = self.add_weight(
            name="token", shape=(width,), initializer=_uniform(width**-0.5)
        )

    @override
    def call(self, x: Any) -> Any:
        token = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, x.shape[-1]))
        return ops.concatenate([token, x], axis=1)

    @override
    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """(n, 1 + T, d)."""
        return (input_shape[0], input_shape[1] + 1, input_shape[2])


@_saved
class GaussianCode(keras.layers.Layer):  # type: ignore[misc]
    """A code drawn from N(mean, exp(log_variance)) in training and its mean otherwise.

    Adds `weight` times the mean over rows of KL(code || N(0, 1)) to the loss (Kingma and Welling
    2014). A frozen one gives the mean in training too and adds nothing.

    Args:
        weight: factor of the divergence.
        seed: of the draws; None for one from keras' global seed.
        options: of every keras layer.
    """

    def __init__(self, weight: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.weight, self.seed = weight, seed
        self.generator = keras.random.SeedGenerator(seed)

    @override
    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """[mean (n, c), log_variance (n, c)] to the code (n, c)."""
        mean, log_variance = inputs
        if not self.trainable:
            return mean
        self.add_loss(self.weight * _divergence(mean, log_variance))
        if not training:
            return mean
        drawn = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.generator)
        return mean + ops.exp(log_variance / 2) * drawn

    @override
    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the mean."""
        return input_shape[0]

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        return {**super().get_config(), "weight": self.weight, "seed": self.seed}


def _divergence(mean: Any, log_variance: Any) -> Any:
    """The mean over rows of KL(N(mean, exp(log_variance)) || N(0, 1)), in float32."""
    mean, log_variance = ops.cast(mean, "float32"), ops.cast(log_variance, "float32")
    terms = ops.exp(log_variance) + ops.square(mean) - 1 - log_variance
    return ops.mean(ops.sum(terms, axis=-1)) / 2
