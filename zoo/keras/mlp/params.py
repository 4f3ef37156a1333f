"""Parameters and presets of the multilayer perceptron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from typing_extensions import override

from zoo.keras.encoder import encoder_cards, encoder_of
from zoo.keras.params import Activation, NetworkParams, Rate, Widths


class MlpParams(NetworkParams):
    """A stack of dense blocks.

    Args:
        units: the width of each block, first to last.
        activation: of every block.
        normalise: batch normalisation before each activation.
        dropout: after each activation.
        encoder: the folder of a trained `autoencoder`, such as runs/demo/models/autoencoder,
            whose code stands beside the inputs. Each fold takes the encoder of the same fold,
            which must not have seen an era that the fold does not train on. It stays as it is.

    Presets:
        small: a common baseline for tabular data.
        demo: the same, regularised as a weak signal in about a hundred features wants it.
        funnel: halves from 1024 to 32 with batch normalisation; its last block is not rectified
            into the prediction, which would tie many at 0.
        deep: six equal blocks (Kadra et al. 2021 take nine of 512), SiLU.
        residual: wide and smooth, for targets that are residuals to a benchmark, era by era.
    """

    units: Widths = (256, 128)
    activation: Activation = "silu"
    normalise: bool = False
    dropout: Rate = 0.1
    encoder: str = ""

    @override
    def for_fit(self, name: str, eras: Sequence[str]) -> Self:
        """With the encoder of the fold `name`, which must be of these eras alone."""
        if not self.encoder:
            return self
        found = encoder_of(Path(self.encoder), name, eras)
        return self.model_copy(update={"encoder": str(found)})

    @override
    def reads(self, fold: str = "") -> tuple[Path, ...]:
        """The cards of the encoder."""
        return encoder_cards(Path(self.encoder), fold) if self.encoder else ()

    @override
    def identity(self) -> dict[str, Any]:
        """All options, the place of the encoder left out."""
        return {**super().identity(), "encoder": bool(self.encoder)}


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {},
    "demo": {"dropout": 0.4, "inputs": {"dropout": 0.1}, "weight_decay": 0.5},
    "funnel": {
        "units": (1024, 512, 256, 128, 64, 32, 32),
        "activation": "relu",
        "normalise": True,
        "dropout": 0.0,
        "optimizer": "adam",
    },
    "deep": {"units": (512,) * 6, "dropout": 0.2, "weight_decay": 1e-2, "batch_size": 4096},
    "residual": {
        "units": (1536, 1024, 768, 512, 256),
        "activation": "gelu",
        "learning_rate": 9e-4,
        "weight_decay": 1e-4,
        "head": {"output": "linear", "start": 0.0},
    },
}
