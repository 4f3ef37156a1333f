"""A network as `fit` sees it: stored rows go in, and heads get their targets on the device."""

from __future__ import annotations

from typing import Any

import keras
from typing_extensions import override

from erazoo.panel import FeatureSpec
from zoo.keras.learning import Targets
from zoo.keras.unpack import Unpack


class Learner(keras.Model):  # type: ignore[misc]
    """Trains a network for plain features on batches (features, target).

    A target is (b,), or (b, T) for heads of several; with whole eras a batch it is the pair of
    target and the place (b,) of each row's era in the batch.

    What a head's loss compares with is made from the batch beside the loss, so that nothing else
    crosses to the device; packed features cross packed. The network itself is what is saved.

    Args:
        network: takes raw features (n, F).
        targets: gives every head its target.
        spec: the features.
        packed: whether batches hold packed features, (b, ceil(F / 3)) uint8.
    """

    def __init__(
        self, network: Any, targets: Targets, spec: FeatureSpec, *, packed: bool = False
    ) -> None:
        super().__init__(name=f"learn_{network.name}")
        self.network, self._targets = network, targets
        self._unpack = Unpack.of(spec, name="unpack") if packed else None

    @override
    def call(self, rows: Any, training: bool | None = None) -> Any:
        return self.network(self._features(rows), training=training)

    @override
    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The weighted loss of all heads, from the rows and the target of a batch."""
        target, places = y if isinstance(y, tuple) else (y, None)
        labels = self._targets(self._features(x), target, places)
        return super().compute_loss(x, labels, y_pred, sample_weight, training)

    def _features(self, rows: Any) -> Any:
        return rows if self._unpack is None else self._unpack(rows)
