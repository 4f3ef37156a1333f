"""Parameters and presets of the linear network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.keras.params import NetworkParams


class LinearParams(NetworkParams):
    """A head straight on the inputs.

    With `inputs.embedding` it is additive: a value of its own for each code of each feature.

    Presets:
        small: full decay, for weak signals in few features.
        additive: a step function a feature, the neural form of an additive model (Hastie and
            Tibshirani 1986).
        corr: the line with the best CORR rather than the least squared error.
    """


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {"weight_decay": 0.1},
    "additive": {"inputs": {"embedding": 2}, "weight_decay": 0.1},
    "corr": {"head": {"loss": "corr"}, "batch_eras": 4, "weight_decay": 0.1},
}
