"""A network of one's own: two branches over the same inputs, wide and narrow.

`erazoo models check examples/own_network.py` puts it to the contract of all networks, and
`erazoo train --plugin examples/own_network.py --model two_branches` trains it.
"""

from __future__ import annotations

from typing import Any

import keras
from pydantic import Field

from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec
from zoo.keras.network import network
from zoo.keras.params import NetworkParams, Rate


class TwoBranchesParams(NetworkParams):
    """Options beside those that all networks share (inputs, head, optimizer, schedule).

    Args:
        wide: units of the one branch.
        narrow: units of both layers of the other.
        dropout: on their sum.
    """

    wide: int = Field(256, ge=1, le=16384)
    narrow: int = Field(64, ge=1, le=16384)
    dropout: Rate = 0.2


def build(params: TwoBranchesParams, spec: FeatureSpec, seed: int) -> Any:
    """The untrained network; inputs and heads are put around what `body` returns."""

    def body(inputs: Any) -> Any:
        wide = keras.layers.Dense(params.wide, "relu", name="wide")(inputs.flat)
        narrow = keras.layers.Dense(params.narrow, "silu", name="narrow_1")(inputs.flat)
        narrow = keras.layers.Dense(params.narrow, "silu", name="narrow_2")(narrow)
        joined = keras.layers.Concatenate(name="joined")([wide, narrow])
        return keras.layers.Dropout(params.dropout, name="joined_dropout")(joined)

    return network("two_branches", params, spec, seed, body)


SPEC = ModelSpec(
    name="two_branches",
    family="keras",
    summary="A wide and a narrow branch side by side",
    params=TwoBranchesParams,
    presets={"small": {"wide": 128, "narrow": 32}},
    memorise={"dropout": 0.0, "learning_rate": 3e-3},
    build=build,
)
