"""Parameters and presets of the convolutional network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from zoo.keras.params import Activation, NetworkParams, Rate, Width, Widths


class Cnn1dParams(NetworkParams):
    """Convolutions over the features, which stand group by group, then dense blocks.

    A filter sees neighbours, and related features are neighbours only because their groups put
    them there: the order is that of `zoo.keras.groups.group_order`, part of the network.

    Args:
        filters: channels of each convolution, first to last.
        kernel: features that a filter sees.
        stride: features it moves on, in every convolution.
        activation: after each batch-normalised convolution and in the dense blocks.
        units: widths of the dense blocks.
        dropout: of the flattened channels and of the dense blocks.

    Presets:
        small: two convolutions of 16 and 32 channels.
        wide: three of 64, 128 and 256, after the winners' networks for wide tables of related
            columns (Mechanisms of Action, Kaggle 2020), which order columns by a dense layer.
    """

    filters: Annotated[tuple[Width, ...], Field(min_length=1, max_length=16)] = (16, 32)
    kernel: int = Field(8, ge=1, le=1024)
    stride: int = Field(4, ge=1, le=1024)
    activation: Activation = "relu"
    units: Widths = (128,)
    dropout: Rate = 0.2


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {"weight_decay": 1e-2},
    "wide": {
        "filters": (64, 128, 256),
        "kernel": 5,
        "stride": 3,
        "units": (256,),
        "dropout": 0.3,
        "weight_decay": 1e-3,
    },
}
