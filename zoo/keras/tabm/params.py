"""Parameters and presets of the ensemble TabM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from zoo.keras.params import Activation, NetworkParams, Rate, Width


class TabmParams(NetworkParams):
    """TabM (Gorishniy, Kotelnikov and Babenko 2025): k perceptrons that share their kernels.

    Each member has scales before and after every layer, biases and an output of its own; its
    scales start at 1 but for the first, random signs that tell the members apart. Each learns by
    its own loss, the mean of which is minimised, and the prediction is their mean. Left out are
    the paper's piecewise-linear embeddings of numbers, which quintiles, already binned, do not
    need: `inputs.embedding` gives each bin a vector.

    Args:
        members: k.
        width: of each block.
        blocks: how many.
        activation: of every block.
        dropout: after each activation.

    Presets:
        small: eight members, two blocks of 128.
        paper: the defaults of the paper, 32 members of three blocks of 512, in batches of 256,
            where one optimizer step for all kernels saves most against separate networks.
    """

    members: int = Field(32, ge=2, le=256)
    width: Width = 512
    blocks: int = Field(3, ge=1, le=32)
    activation: Activation = "relu"
    dropout: Rate = 0.1


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {"members": 8, "width": 128, "blocks": 2, "weight_decay": 1e-2},
    "paper": {"learning_rate": 2e-3, "weight_decay": 3e-4, "batch_size": 256},
}
