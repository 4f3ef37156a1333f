"""Parameters and presets of RealMLP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from zoo.keras.params import Activation, NetworkParams, Rate, Widths


class RealmlpParams(NetworkParams):
    """RealMLP of "Better by Default" (Holzmüller, Grinsztajn and Steinwart 2024).

    Robust scaling and a smooth clip, learned factors of the features at six times the learning
    rate, then dense layers in the neural tangent parametrisation with biases at a tenth of it and
    activations that learn how far they bend. Left out are the cosine schedule of the learning rate
    over the whole fit and those of dropout and decay (a schedule is the trainer's), the choice of
    first weights and biases from the data, Adam's faster second moment and one-hot codes, which
    `inputs.embedding` stands for. Learning rates are lower than the paper's for regression, 0.07
    and 0.2, which fall over the fit. Quintiles have an interquartile range of 2; normalised floats
    are taken as normal, 1.349.

    Args:
        units: the width of each layer, first to last.
        activation: of every layer; the paper takes mish for regression, selu for classes.
        dropout: after each activation.
        embedding: numbers a feature of the periodic embedding (PBLD), itself among them; 0 for
            none, 4 in the paper.
        waves: cosines a feature in that embedding.
        sigma: spread of their frequencies.

    Presets:
        small: the simplified RealMLP-TD-S, without embedding and dropout.
        paper: RealMLP-TD with embedding, dropout and decay, three times 256.
    """

    units: Widths = (256, 256, 256)
    activation: Activation = "mish"
    dropout: Rate = 0.0
    embedding: int = Field(0, ge=0, le=64)
    waves: int = Field(16, ge=1, le=256)
    sigma: float = Field(0.1, gt=0, le=100)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {"learning_rate": 0.01},
    "paper": {"embedding": 4, "dropout": 0.15, "learning_rate": 0.02, "weight_decay": 0.02},
}
