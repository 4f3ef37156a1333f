"""The size of the gradients that an optimizer is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override


class GradientNorm(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures the global L2 norm of each step's gradients, before they are clipped.

    The norm is taken inside the compiled step, so that no gradient leaves the device. It is that of
    the whole batch, over however many replicas the optimizers of `zoo.keras.optimizers` sum it.
    Steps that overflow in half precision, which the optimizer leaves out, count as 0.

    Attributes:
        mean: over the steps of the last epoch, 0 before there is one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mean = 0.0

    @override
    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Stand between the model and its optimizer; the step is not yet compiled then."""
        optimizer, strategy = self.model.optimizer, self.model.distribute_strategy
        with strategy.scope():
            self._norms = keras.metrics.Mean(name="gradient_norm")
        self._place = "apply_whole" if hasattr(optimizer, "apply_whole") else "apply"
        apply = getattr(optimizer, self._place)

        def measured(gradients: Sequence[Any], variables: Any = None) -> Any:
            scale = getattr(optimizer, "dynamic_scale", None)
            norm = tf.linalg.global_norm([g for g in gradients if g is not None])
            norm *= tf.cast(strategy.num_replicas_in_sync, norm.dtype)
            norm = norm if scale is None else norm / tf.cast(scale, norm.dtype)
            self._norms.update_state(tf.where(tf.math.is_finite(norm), norm, 0.0))
            return apply(gradients, variables)

        setattr(optimizer, self._place, measured)

    @override
    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Step aside."""
        delattr(self.model.optimizer, self._place)

    @override
    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Forget the epoch before."""
        self._norms.reset_state()

    @override
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Read the mean."""
        self.mean = float(self._norms.result())
