"""From parameters to a compiled network and to the labels that its losses compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.keras.params import NetworkParams

Targets = Callable[..., dict[str, Any]]
"""Raw features (n, F), targets (n,) or (n, T) and, for losses of eras, places (n,) to labels."""


def compile_network(
    model: Any, params: NetworkParams, *, steps: int = 1, epochs: int = 1, jit: bool = False
) -> None:
    """Give a built network its optimizer and the weighted losses of its heads.

    Args:
        model: built, in the scope of the strategy that it is trained under.
        params: the recipe.
        steps: an epoch, for schedules.
        epochs: that a schedule goes over.
        jit: compile its steps with XLA.
    """
    from zoo.keras.optimizers import optimizer
    from zoo.keras.schedules import learning_rate

    heads = params.heads()
    model.compile(
        optimizer=optimizer(model, params, learning_rate(params, steps, epochs)),
        loss={head.name: head.loss() for head in heads},
        loss_weights={head.name: head.weight for head in heads},
        jit_compile=jit,
        auto_scale_loss=False,
    )


def targets(params: NetworkParams) -> Targets:
    """A function that gives every head its labels; see `Targets`."""
    heads = params.heads()
    return lambda features, target, places=None: {
        head.name: head.labels(features, target, places) for head in heads
    }
