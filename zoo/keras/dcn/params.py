"""Parameters and presets of the deep and cross network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from zoo.keras.params import Activation, NetworkParams, Rate, Width


class DcnParams(NetworkParams):
    """DCN-V2 (Wang et al. 2021): products of features beside, or before, a deep network.

    A cross layer is x0 * (W x + b) + x, so that l layers hold products of up to l + 1 features.
    Left out are the mixture of low-rank experts and embeddings of many categories.

    Args:
        crosses: cross layers.
        rank: of their matrices, W = U V; 0 for a full one of (features x features).
        structure: `parallel` joins the crosses and the deep network before the head, `stacked`
            puts the deep network on the crosses.
        units: widths of the deep network; none for crosses alone.
        activation: of the deep network.
        dropout: of the deep network.

    Presets:
        small: two crosses of rank 32 beside 256 and 128 units.
        full: three full crosses under a deep network, the paper's best without experts.
    """

    crosses: int = Field(2, ge=1, le=16)
    rank: int = Field(32, ge=0, le=4096)
    structure: Literal["parallel", "stacked"] = "parallel"
    units: Annotated[tuple[Width, ...], Field(max_length=64)] = (256, 128)
    activation: Activation = "relu"
    dropout: Rate = 0.1


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {"weight_decay": 1e-2},
    "full": {
        "crosses": 3,
        "rank": 0,
        "structure": "stacked",
        "units": (512, 256),
        "learning_rate": 3e-4,
        "weight_decay": 1e-4,
    },
}
