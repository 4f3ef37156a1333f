"""The optimizer that a recipe names, the same over any number of replicas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from zoo.keras.params import NetworkParams


class _Together:
    """Lets each replica see the gradient of the whole batch before it is clipped or judged.

    Keras sums gradients over replicas only after clipping. Here every replica gets their mean
    first; what they sum up to is then that of the whole batch, and a limit on the whole is one on
    the mean divided by the number of replicas.
    """

    def apply(self, grads: Iterable[Any], trainable_variables: Any = None) -> Any:
        """Update the weights by gradients of one replica's part of a batch."""
        given, context = list(grads), tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            known = [gradient for gradient in given if gradient is not None]
            means = iter(context.all_reduce(tf.distribute.ReduceOp.MEAN, known))
            given = [None if gradient is None else next(means) for gradient in given]
        return self.apply_whole(given, trainable_variables)

    def apply_whole(self, grads: Sequence[Any], trainable_variables: Any = None) -> Any:
        """Update the weights by the mean over replicas of their gradients."""
        return super().apply(grads, trainable_variables)  # type: ignore[misc]


class _Adam(_Together, keras.optimizers.Adam):  # type: ignore[misc]
    pass


class _AdamW(_Together, keras.optimizers.AdamW):  # type: ignore[misc]
    pass


class _SGD(_Together, keras.optimizers.SGD):  # type: ignore[misc]
    pass


class _Lion(_Together, keras.optimizers.Lion):  # type: ignore[misc]
    pass


class _Muon(_Together, keras.optimizers.Muon):  # type: ignore[misc]
    @override
    def _apply_weight_decay(self, variables: Any) -> None:
        """That of every other optimizer; Muon's own does not know replicas."""
        keras.optimizers.Optimizer._apply_weight_decay(self, variables)


class _Scaled(_Together, keras.optimizers.LossScaleOptimizer):  # type: ignore[misc]
    pass


def optimizer(model: Any, params: NetworkParams, rate: Any) -> Any:
    """The optimizer of a network, its loss scaled where the network computes in float16.

    Args:
        model: built, in the scope of the strategy that it is trained under.
        params: the recipe.
        rate: the step size, or its schedule.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    options: dict[str, Any] = {
        "name": params.optimizer,
        "learning_rate": rate,
        "weight_decay": params.weight_decay or (0.0 if params.optimizer == "adamw" else None),
        "global_clipnorm": params.clip_norm and params.clip_norm / replicas,
        "clipvalue": params.clip_value and params.clip_value / replicas,
        "use_ema": params.average.kind == "ema",
        "ema_momentum": params.average.momentum,
    }
    made = _named(params, options)
    if params.weight_decay:
        made.exclude_from_weight_decay(
            var_list=[weight for weight in model.trainable_variables if weight.name != "kernel"]
        )
    return _Scaled(made, name="scaled") if model.dtype_policy.name == "mixed_float16" else made


def _named(params: NetworkParams, options: dict[str, Any]) -> Any:
    if params.optimizer == "sgd":
        return _SGD(momentum=params.momentum, nesterov=params.nesterov, **options)
    if params.optimizer == "muon":
        heads = [head.name for head in params.heads()]
        return _Muon(momentum=params.momentum, exclude_layers=heads, **options)
    return {"adam": _Adam, "adamw": _AdamW, "lion": _Lion}[params.optimizer](**options)
