"""From parameters to a compiled network and to the targets that its losses compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.keras.params import NetworkParams

Targets = Callable[[Any, Any], dict[str, Any]]


def compile_network(model: Any, params: NetworkParams) -> None:
    """Give a built network its optimizer and the weighted losses of its heads."""
    heads = params.heads()
    model.compile(
        optimizer=_optimizer(params),
        loss={head.name: head.loss() for head in heads},
        loss_weights={head.name: head.weight for head in heads},
        jit_compile=False,
    )


def targets(params: NetworkParams) -> Targets:
    """A function of raw features (n, F) and targets (n,) that gives every head its target."""
    heads = params.heads()
    return lambda features, target: {head.name: head.target(features, target) for head in heads}


def _optimizer(params: NetworkParams) -> Any:
    import keras

    if params.optimizer == "adam":
        return keras.optimizers.Adam(params.learning_rate)
    optimizer = keras.optimizers.AdamW(params.learning_rate, weight_decay=params.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
