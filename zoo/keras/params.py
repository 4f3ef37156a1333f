"""What the parameters of every network have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from zoo.catalogue import Params
from zoo.keras.heads import Head

Activation = Literal["relu", "silu", "gelu"]
Rate = Annotated[float, Field(ge=0, lt=1)]
Width = Annotated[int, Field(ge=1, le=16384)]


class NetworkParams(Params, ABC):
    """Optimisation, and the heads that a network is trained through.

    Args:
        optimizer: `adam`, or `adamw` with decoupled weight decay (Loshchilov and Hutter 2019),
            which spares biases and normalisation.
        learning_rate: the constant step size.
        weight_decay: of `adamw`; refused with `adam`, which has none.
        batch_size: rows a step over all devices; None for that of `[training]`.
    """

    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0, le=1)
    weight_decay: float = Field(0.0, ge=0, lt=1)
    batch_size: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _decay_needs_adamw(self) -> Self:
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError("weight_decay needs the optimizer adamw; adam has none")
        return self

    @abstractmethod
    def heads(self) -> tuple[Head, ...]:
        """The outputs that carry a loss, each with its target and weight."""
