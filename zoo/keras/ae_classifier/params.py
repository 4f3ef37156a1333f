"""Parameters and presets of the supervised autoencoder classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from zoo.keras.heads import Bins, Head, Reconstruction
from zoo.keras.params import Activation, NetworkParams, Rate, Width

Weight = Annotated[float, Field(ge=0)]


class AeClassifierParams(NetworkParams):
    """Encoder, decoder, a classifier on the decoder and the main classifier, trained jointly.

    Args:
        noise: standard deviation of the Gaussian noise on the normalised inputs.
        encoder_units: width of the code.
        decoder_dropout: of the code before it is decoded.
        ae_head_units: width of the classifier on the reconstruction.
        ae_head_dropout: of that classifier.
        main_input_dropout: of the inputs and the code, joined, before the main classifier.
        main_units: widths of the main classifier's blocks.
        main_dropouts: one rate a block of `main_units`.
        activation: of every block; every block is batch normalised.
        labels: `softmax` over the target's classes, or `multilabel` with one sigmoid a boundary
            between classes. The prediction is the expected target in both.
        classes: target values, evenly spaced in [0, 1].
        label_smoothing: of both classifiers.
        reconstruction_weight: factor of the reconstruction's loss.
        ae_head_weight: factor of the loss of the classifier on the reconstruction.
        main_head_weight: factor of the main classifier's loss.
    """

    noise: float = Field(0.05, ge=0, le=10)
    encoder_units: Width = 32
    decoder_dropout: Rate = 0.05
    ae_head_units: Width = 32
    ae_head_dropout: Rate = 0.4
    main_input_dropout: Rate = 0.1
    main_units: Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)] = (256, 128)
    main_dropouts: Annotated[tuple[Rate, ...], Field(min_length=1, max_length=64)] = (0.4, 0.4)
    activation: Activation = "silu"
    labels: Literal["softmax", "multilabel"] = "softmax"
    classes: int = Field(5, ge=2, le=100)
    label_smoothing: Rate = 0.0
    reconstruction_weight: Weight = 1.0
    ae_head_weight: Weight = 1.0
    main_head_weight: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _one_dropout_a_block(self) -> Self:
        if len(self.main_units) != len(self.main_dropouts):
            raise ValueError(
                f"main_units has {len(self.main_units)} blocks and main_dropouts "
                f"{len(self.main_dropouts)} rates; give one rate a block"
            )
        return self

    @override
    def heads(self) -> tuple[Head, ...]:
        """The outputs reconstruction, ae_head and main_head, in this order."""
        return (self.reconstruction, self.ae_head, self.main_head)

    @property
    def reconstruction(self) -> Reconstruction:
        """The decoder's output."""
        return Reconstruction("reconstruction", self.reconstruction_weight)

    @property
    def ae_head(self) -> Bins:
        """The classifier on the reconstruction."""
        return Bins("ae_head", self.ae_head_weight, self.labels, self.classes, self.label_smoothing)

    @property
    def main_head(self) -> Bins:
        """The classifier on inputs and code, which predicts."""
        return Bins(
            "main_head", self.main_head_weight, self.labels, self.classes, self.label_smoothing
        )


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {"learning_rate": 2e-3, "weight_decay": 0.3},
    "numerai": {
        "noise": 0.05,
        "encoder_units": 128,
        "decoder_dropout": 0.05,
        "ae_head_units": 96,
        "ae_head_dropout": 0.4,
        "main_input_dropout": 0.1,
        "main_units": (512, 256, 128),
        "main_dropouts": (0.4, 0.3, 0.3),
        "weight_decay": 1e-4,
        "batch_size": 4096,
    },
    "jane_street": {
        "noise": 0.0353,
        "encoder_units": 96,
        "decoder_dropout": 0.0384,
        "ae_head_units": 96,
        "ae_head_dropout": 0.4241,
        "main_input_dropout": 0.1043,
        "main_units": (896, 448, 448, 256),
        "main_dropouts": (0.4923, 0.3202, 0.2717, 0.4379),
        "labels": "multilabel",
        "optimizer": "adam",
        "batch_size": 4096,
    },
}
"""`jane_street` is the network of the Jane Street Market Prediction winner (Kaggle, 2021), which
ran at most 100 epochs with a patience of 10 and averaged three seeds; its binary labels, one a
return horizon, become one a class boundary. `numerai` is the same shape, wider in the code, for
the medium feature set; `small` for about a hundred features on a CPU."""
