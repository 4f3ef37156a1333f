"""Averaged weights: in place for validation and the best epoch, out of the way for training."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from zoo.keras.optimisation import AverageOptions

Weights = list[NDArray[Any]]


class Averages(keras.callbacks.Callback):  # type: ignore[misc]
    """Puts averaged weights into the network from validation to the end of every epoch.

    It stands behind all that judges or keeps an epoch, and gives the network its own weights back
    before the next one.

    Args:
        options: which average.
        network: whose weights they are.
    """

    def __init__(self, options: AverageOptions, network: Any) -> None:
        super().__init__()
        self.options, self.network = options, network
        self.last: deque[Weights] = deque(maxlen=options.epochs)
        self._own: Weights | None = None

    @override
    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """An epoch's training has ended, its validation begins."""
        self._own = self._remember()
        self.finish()

    @override
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Give the network its own weights back."""
        if self._own is None:
            self._remember()
            return
        _assign(self.network, self._own)
        self._own = None

    def finish(self) -> None:
        """Put the averaged weights into the network."""
        if self.options.kind == "ema":
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        elif self.last:
            _assign(self.network, [_mean(weights) for weights in zip(*self.last, strict=True)])

    def resume(self, last: Sequence[Weights]) -> None:
        """Go on with the weights after the last epochs."""
        self.last.extend(last)

    def _remember(self) -> Weights:
        own = [weight.numpy() for weight in self.network.weights]
        if self.options.kind == "swa":
            self.last.append(own)
        return own


def _assign(network: Any, values: Weights) -> None:
    for weight, value in zip(network.weights, values, strict=True):
        weight.assign(value)


def _mean(weights: Sequence[NDArray[Any]]) -> NDArray[Any]:
    newest = weights[-1]
    if not np.issubdtype(newest.dtype, np.floating):
        return newest
    mean: NDArray[Any] = np.mean(weights, axis=0, dtype=np.float64).astype(newest.dtype)
    return mean
