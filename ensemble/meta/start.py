"""The start of TensorFlow, and a network that is read when it is first needed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from erazoo.config.schema import TrainingSection
from erazoo.logs import quiet_native


def start_tensorflow(settings: TrainingSection | None = None) -> None:
    """Import TensorFlow, unless this process has; what its libraries print then is held back.

    Args:
        settings: whose threads are taken. No GPU is claimed: the networks are too small for one.
    """
    if "tensorflow" in sys.modules:
        return
    with quiet_native():
        import tensorflow

        tensorflow.config.list_physical_devices()
    if settings is not None:
        from training.keras.devices import strategy

        strategy(settings.model_copy(update={"devices": "cpu"}))


@dataclass(frozen=True)
class StoredNetwork:
    """A network in a file, so that a recipe is opened without TensorFlow.

    Args:
        path: of the `.keras` file.
    """

    path: Path

    @cached_property
    def network(self) -> Any:
        """The network itself."""
        start_tensorflow()
        import keras

        return keras.saving.load_model(self.path, compile=False)

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """What the network gives."""
        return self.network(inputs, training=training)

    def save(self, path: Path) -> None:
        """Write it to another file."""
        self.network.save(path)
