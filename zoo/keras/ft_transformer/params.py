"""Parameters and presets of the feature transformer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from zoo.keras.params import NetworkParams, Rate


class FtTransformerParams(NetworkParams):
    """FT-Transformer (Gorishniy et al. 2021): attention among tokens of features.

    Blocks normalise before attention and before the feed-forward part, which is a ReGLU; the first
    attention is not normalised, the last block attends from the class token alone, and the end is
    relu(layer norm) of that token. The cost grows with the square of the tokens, so that a token
    may hold a group's features, or `subset` keeps a few. Attention starts by keras' own law.

    Args:
        tokens: `features`, one a feature; `groups`, one a piece of a feature group.
        token_features: the most features of a group's token.
        subset: a feature group of the panel; others are not looked at. Empty for all features.
        width: of a token.
        blocks: how many.
        attention_heads: they divide `width`.
        attention_dropout: of attention's weights.
        dropout: inside the feed-forward part.
        expansion: hidden width of the feed-forward part over `width`.

    Presets:
        small: tokens of up to 32 features, two blocks of width 32.
        groups: tokens of up to 16 features, the paper's blocks.
        paper: a token a feature, three blocks of 192 and 8 heads; name a `subset`.
    """

    tokens: Literal["features", "groups"] = "groups"
    token_features: int = Field(16, ge=1, le=4096)
    subset: str = ""
    width: int = Field(192, ge=1, le=4096)
    blocks: int = Field(3, ge=1, le=32)
    attention_heads: int = Field(8, ge=1, le=64)
    attention_dropout: Rate = 0.2
    dropout: Rate = 0.1
    expansion: float = Field(4 / 3, gt=0, le=8)

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % self.attention_heads:
            raise ValueError(
                f"attention_heads {self.attention_heads} do not divide the width {self.width}"
            )
        return self


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {
        "token_features": 32,
        "width": 32,
        "blocks": 2,
        "attention_heads": 4,
        "weight_decay": 1e-2,
    },
    "groups": {"learning_rate": 1e-4, "weight_decay": 1e-5},
    "paper": {"tokens": "features", "learning_rate": 1e-4, "weight_decay": 1e-5},
}
