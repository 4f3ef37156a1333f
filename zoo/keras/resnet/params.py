"""Parameters and presets of the residual network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from zoo.keras.params import NetworkParams, Rate, Width


class ResnetParams(NetworkParams):
    """A linear layer, blocks that add to their input, and a normalised, rectified end.

    A block is x + dropout(linear(dropout(relu(linear(batch norm(x)))))), as in "Revisiting Deep
    Learning Models for Tabular Data" (Gorishniy et al. 2021), with that paper's initialisation.

    Args:
        width: of what the blocks add to.
        blocks: how many.
        expansion: the hidden width of a block over `width`.
        dropout: of the hidden units of a block.
        residual_dropout: of what a block adds.

    Presets:
        small: two blocks of 128 (the lower end of the paper's tuning space), regularised as a weak
            signal wants it.
        paper: eight blocks of 256 (the upper end of it).
    """

    width: Width = 128
    blocks: int = Field(2, ge=1, le=64)
    expansion: float = Field(2.0, gt=0, le=8)
    dropout: Rate = 0.2
    residual_dropout: Rate = 0.0


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {"dropout": 0.4, "inputs": {"dropout": 0.1}, "weight_decay": 0.3},
    "paper": {
        "width": 256,
        "blocks": 8,
        "dropout": 0.25,
        "residual_dropout": 0.1,
        "learning_rate": 3e-4,
        "weight_decay": 1e-4,
    },
}
