"""Layers of RealMLP, see `zoo.keras.realmlp.params.RealmlpParams`."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops
from typing_extensions import override

_saved = keras.saving.register_keras_serializable(package="erazoo")


def _uniform(limit: float) -> Any:
    return keras.initializers.RandomUniform(-limit, limit)


@_saved
class SmoothClip(keras.layers.Layer):  # type: ignore[misc]
    """x / sqrt(1 + (x / limit)^2), which stays within the limit (RealMLP, 3).

    Args:
        limit: what outputs stay within.
        scale: factor of the inputs before.
        options: of every keras layer.
    """

    def __init__(self, limit: float = 3.0, scale: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.limit, self.scale = limit, scale

    @override
    def call(self, x: Any) -> Any:
        x = x * self.scale
        return x * ops.rsqrt(1 + ops.square(x / self.limit))

    @override
    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the input."""
        return input_shape

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        return {**super().get_config(), "limit": self.limit, "scale": self.scale}


@_saved
class Scale(keras.layers.Layer):  # type: ignore[misc]
    """A learned factor a feature, from 1 on: an input gate under a diagonal weight (RealMLP).

    Args:
        speed: the factor of the learning rate; see `NtkDense`.
        options: of every keras layer.
    """

    def __init__(self, speed: float = 6.0, **options: Any) -> None:
        super().__init__(**options)
        self.speed = speed

    @override
    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="zeros")

    @override
    def call(self, x: Any) -> Any:
        return x * (1 + self.speed * self.scale)

    @override
    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the input."""
        return input_shape

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        return {**super().get_config(), "speed": self.speed}


@_saved
class NtkDense(keras.layers.Layer):  # type: ignore[misc]
    """A dense layer in the neural tangent parametrisation: x W / sqrt(d) + b, W ~ N(0, 1).

    A weight of its own learning-rate factor c is held as 1 / c of its value: Adam's steps do not
    depend on the size of a gradient, so that the value moves c times as fast.

    Args:
        units: outputs.
        speed: the factor of the learning rate of the biases.
        options: of every keras layer.
    """

    def __init__(self, units: int, speed: float = 0.1, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.speed = units, speed

    @override
    def build(self, input_shape: Any) -> None:
        self.gain = input_shape[-1] ** -0.5
        normal = keras.initializers.RandomNormal(stddev=1.0)
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], self.units), initializer=normal
        )
        spread = keras.initializers.RandomNormal(stddev=1 / self.speed)
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer=spread)

    @override
    def call(self, x: Any) -> Any:
        return ops.matmul(x, self.kernel) * self.gain + self.speed * self.bias

    @override
    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """(n, units)."""
        return (*input_shape[:-1], self.units)

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        return {**super().get_config(), "units": self.units, "speed": self.speed}


@_saved
class ParametricActivation(keras.layers.Layer):  # type: ignore[misc]
    """x + a (f(x) - x) with a learned a a unit, from 1 on (RealMLP).

    Args:
        function: f, by keras' name.
        speed: the factor of the learning rate; see `NtkDense`.
        options: of every keras layer.
    """

    def __init__(self, function: str, speed: float = 0.1, **options: Any) -> None:
        super().__init__(**options)
        self.function, self.speed = function, speed

    @override
    def build(self, input_shape: Any) -> None:
        self.alpha = self.add_weight(name="alpha", shape=(input_shape[-1],), initializer="zeros")

    @override
    def call(self, x: Any) -> Any:
        bent = keras.activations.get(self.function)(x)
        return x + (1 + self.speed * self.alpha) * (bent - x)

    @override
    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the input."""
        return input_shape

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        return {**super().get_config(), "function": self.function, "speed": self.speed}


@_saved
class PeriodicEmbedding(keras.layers.Layer):  # type: ignore[misc]
    """Each value beside a linear map of its cosines, (n, F) to (n, F * width): PBLD (RealMLP).

    (x, W2 cos(2 pi w1 x + b1) + b2) with weights of each feature's own, w1 ~ N(0, sigma^2) and
    b1 uniform over a full turn.

    Args:
        width: numbers a feature, the value itself among them.
        waves: cosines a feature.
        sigma: spread of the frequencies.
        speed: the factor of the learning rate of all its weights; see `NtkDense`.
        options: of every keras layer.
    """

    def __init__(
        self,
        width: int = 4,
        waves: int = 16,
        sigma: float = 0.1,
        speed: float = 0.1,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.width, self.waves, self.sigma, self.speed = width, waves, sigma, speed

    @override
    def build(self, input_shape: Any) -> None:
        features, linear = input_shape[-1], self.width - 1
        normal, limit = keras.initializers.RandomNormal, self.waves**-0.5 / self.speed

        def weight(name: str, shape: tuple[int, ...], initializer: Any) -> Any:
            return self.add_weight(name=name, shape=(features, *shape), initializer=initializer)

        self.frequency = weight("frequency", (self.waves,), normal(stddev=self.sigma / self.speed))
        self.phase = weight("phase", (self.waves,), _uniform(math.pi / self.speed))
        self.map = weight("map", (self.waves, linear), _uniform(limit))
        self.bias = weight("bias", (linear,), _uniform(limit))

    @override
    def call(self, x: Any) -> Any:
        values = x[:, :, None]
        waves = ops.cos(self.speed * (2 * math.pi * self.frequency * values + self.phase))
        mapped = self.speed * (ops.einsum("nfw,fwd->nfd", waves, self.map) + self.bias)
        both = ops.concatenate([values, mapped], axis=-1)
        return ops.reshape(both, (-1, x.shape[1] * self.width))

    @override
    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """(n, F * width)."""
        return (input_shape[0], input_shape[1] * self.width)

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        own = {"width": self.width, "waves": self.waves, "sigma": self.sigma, "speed": self.speed}
        return {**super().get_config(), **own}
