"""Stops a fit whose loss has stopped being a number."""

from __future__ import annotations

import math

import keras
from typing_extensions import override

from erazoo.errors import TrainingError


class FiniteLoss(keras.callbacks.Callback):  # type: ignore[misc]
    """Raises TrainingError at the end of an epoch whose mean loss is NaN or infinite."""

    @override
    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at every training loss of the epoch."""
        for name, value in (logs or {}).items():
            if name.endswith("loss") and not name.startswith("val_") and not math.isfinite(value):
                raise TrainingError(
                    f"the training {name} is not finite after epoch {epoch + 1}",
                    received=value,
                    hint="Lower the model's learning rate, or check the features for huge values",
                )
