"""Parameters and presets of the multilayer perceptron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import override

from zoo.keras.heads import PREDICTION, Head, Regression
from zoo.keras.params import Activation, NetworkParams, Rate, Width


class MlpParams(NetworkParams):
    """A stack of dense blocks and one regression output.

    Args:
        units: the width of each block, first to last.
        activation: of every block.
        normalise: batch normalisation before each activation.
        dropout: after each activation.
        input_dropout: of the standardised inputs.
        output: `sigmoid` keeps predictions inside (0, 1); `linear` does not. Neither ties
            predictions, as a rectified output would.
        loss: of the prediction against the target.
    """

    units: Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)] = (256, 128)
    activation: Activation = "silu"
    normalise: bool = False
    dropout: Rate = 0.1
    input_dropout: Rate = 0.0
    output: Literal["sigmoid", "linear"] = "sigmoid"
    loss: Literal["mse", "mae", "huber"] = "mse"

    @override
    def heads(self) -> tuple[Head, ...]:
        return (Regression(PREDICTION, output=self.output, measure=self.loss),)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {},
    "demo": {"dropout": 0.4, "input_dropout": 0.1, "weight_decay": 0.5},
    "funnel": {
        "units": (1024, 512, 256, 128, 64, 32, 32),
        "activation": "relu",
        "normalise": True,
        "dropout": 0.0,
        "optimizer": "adam",
    },
}
"""`small` is a common baseline; `demo` the same under the regularisation that a weak signal in
about a hundred features wants. `funnel` halves from 1024 to 32 with batch normalisation, and its
last block is not rectified into the prediction."""
