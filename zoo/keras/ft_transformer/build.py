"""Builds the feature transformer."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from erazoo.errors import ConfigError
from erazoo.near import nearest
from erazoo.panel import FeatureSpec
from zoo.keras.blocks import torch_dense
from zoo.keras.ft_transformer.params import FtTransformerParams
from zoo.keras.groups import Positions, in_tokens
from zoo.keras.inputs import Inputs
from zoo.keras.layers import ClassToken, FeatureTokens
from zoo.keras.network import network


def build(params: FtTransformerParams, spec: FeatureSpec, seed: int) -> Any:
    """An untrained network from raw features (n, F) to `main_head` and `prediction`.

    Raises:
        ConfigError: the panel has no group `subset`.
    """
    chosen = _chosen(params, spec)

    def body(inputs: Inputs) -> Any:
        x = ClassToken(name="class_token")(_tokens(params, inputs, chosen))
        for number in range(1, params.blocks + 1):
            x = _block(params, x, number)
        x = keras.layers.LayerNormalization(epsilon=1e-5, name="end_norm")(x[:, 0])
        return keras.layers.Activation("relu", name="end_relu")(x)

    return network("ft_transformer", params, spec, seed, body)


def _chosen(params: FtTransformerParams, spec: FeatureSpec) -> Positions:
    """Positions of the features of each token, (T, m)."""
    names = set(spec.names)
    if params.subset:
        if params.subset not in spec.groups:
            raise ConfigError(
                "the panel has no such feature group",
                received=f"subset {params.subset}",
                expected=nearest(params.subset, spec.groups) if spec.groups else "no subset",
            )
        names = set(spec.groups[params.subset])
    kept = [name for name in spec.names if name in names]
    if params.tokens == "features":
        return spec.columns(kept)[:, None]
    groups = {
        group: tuple(name for name in members if name in names)
        for group, members in spec.groups.items()
    }
    inside = FeatureSpec(tuple(kept), groups, spec.dtype, spec.missing)
    return spec.columns(kept)[in_tokens(inside, params.token_features)]


def _tokens(params: FtTransformerParams, inputs: Inputs, chosen: Positions) -> Any:
    """A token a row of `chosen`, (n, T, d)."""
    columns, (count, size) = inputs.columns, chosen.shape
    flat = chosen.reshape(-1)
    if not np.array_equal(flat, np.arange(len(inputs.spec.names))):
        columns = keras.ops.take(columns, flat.astype("int32"), axis=1)
    shape = (count, size * inputs.depth)
    values = keras.layers.Reshape(shape, name="token_values")(columns)
    return FeatureTokens(params.width, name="tokens")(values)


def _block(params: FtTransformerParams, x: Any, number: int) -> Any:
    name, last = f"block_{number}", number == params.blocks
    y = x if number == 1 else _norm(x, f"{name}_attention_norm")
    attention = keras.layers.MultiHeadAttention(
        params.attention_heads,
        params.width // params.attention_heads,
        dropout=params.attention_dropout,
        name=f"{name}_attention",
    )
    # Only the class token is read at the end, so that the last block asks for it alone.
    asked, rest = (y[:, :1], x[:, :1]) if last else (y, x)
    x = keras.layers.Add(name=f"{name}_attention_add")([rest, attention(asked, y)])
    return keras.layers.Add(name=f"{name}_forward_add")([x, _feed_forward(params, x, name)])


def _feed_forward(params: FtTransformerParams, x: Any, name: str) -> Any:
    """linear(dropout(a * relu(b))) with a and b linear in layer norm(x)."""
    hidden = max(1, int(params.width * params.expansion))
    y = _norm(x, f"{name}_forward_norm")
    value = torch_dense(hidden, params.width, f"{name}_value")(y)
    gate = torch_dense(hidden, params.width, f"{name}_gate")(y)
    gate = keras.layers.Activation("relu", name=f"{name}_relu")(gate)
    y = keras.layers.Multiply(name=f"{name}_reglu")([value, gate])
    if params.dropout:
        y = keras.layers.Dropout(params.dropout, name=f"{name}_dropout")(y)
    return torch_dense(params.width, hidden, f"{name}_out")(y)


def _norm(x: Any, name: str) -> Any:
    return keras.layers.LayerNormalization(epsilon=1e-5, name=name)(x)
