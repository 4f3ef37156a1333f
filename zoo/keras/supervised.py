"""The supervised autoencoder: encoder, decoder and two heads, trained jointly.

Source: the winning network of Jane Street Market Prediction (Kaggle, 2021).
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from typing_extensions import override

from erazoo.panel import FeatureSpec
from zoo.keras.blocks import dense_block
from zoo.keras.heads import Head, Reconstruction
from zoo.keras.inputs import read_inputs
from zoo.keras.network import closed
from zoo.keras.params import Activation, NetworkParams, Rate, Weight, Width, Widths

RECONSTRUCTION = "reconstruction"
AE_HEAD = "ae_head"


class SupervisedParams(NetworkParams):
    """Encoder, decoder, a head on the decoder and the main head on inputs and code.

    Args:
        noise: standard deviation of the Gaussian noise on the normalised inputs.
        encoder_units: width of the code.
        decoder_dropout: of the code before it is decoded.
        ae_head_units: width of the block between reconstruction and its head.
        ae_head_dropout: of that block.
        main_input_dropout: of the inputs and the code, joined, before the main blocks.
        main_units: widths of the main blocks.
        main_dropouts: one rate a block of `main_units`.
        activation: of every block; every block is batch normalised.
        reconstruction_weight: factor of the reconstruction's loss.
        ae_head_weight: factor of the loss of the head on the reconstruction, which is of the same
            kind as the main head.
    """

    noise: float = Field(0.05, ge=0, le=1)
    encoder_units: Width = 32
    decoder_dropout: Rate = 0.05
    ae_head_units: Width = 32
    ae_head_dropout: Rate = 0.4
    main_input_dropout: Rate = 0.1
    main_units: Widths = (256, 128)
    main_dropouts: Annotated[tuple[Rate, ...], Field(min_length=1, max_length=64)] = (0.4, 0.4)
    activation: Activation = "silu"
    reconstruction_weight: Weight = 1.0
    ae_head_weight: Weight = 1.0

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
        """The outputs main_head, those of further targets, reconstruction and ae_head."""
        own = self.head.model_copy(update={"reconstruction": 0.0})
        return (
            *own.heads(self.batch_eras),
            Reconstruction(RECONSTRUCTION, self.reconstruction_weight),
            own.head(AE_HEAD, self.ae_head_weight, eras=self.batch_eras),
        )


def supervised_autoencoder(
    name: str, params: SupervisedParams, spec: FeatureSpec, seed: int
) -> Any:
    """An untrained network from raw features (n, F) to its heads and `prediction` (n, 1)."""
    import keras

    keras.utils.set_random_seed(seed)
    inputs = read_inputs(spec, params.inputs)
    normal = keras.layers.BatchNormalization(name="input_norm")(inputs.flat)
    code = _encoder(params, normal)
    decoded = keras.layers.Dropout(params.decoder_dropout, name="decoder_dropout")(code)
    outputs = _outputs(params, spec, normal, code, decoded)
    return closed(name, params, inputs, outputs)


def _outputs(
    params: SupervisedParams, spec: FeatureSpec, normal: Any, code: Any, decoded: Any
) -> dict[str, Any]:
    heads = {head.name: head for head in params.heads()}
    reconstruction = heads[RECONSTRUCTION].connect(decoded, spec)
    body = _main(params, normal, code)
    return {
        RECONSTRUCTION: reconstruction,
        AE_HEAD: heads[AE_HEAD].connect(_ae_body(params, reconstruction), spec),
        **{
            name: head.connect(body, spec)
            for name, head in heads.items()
            if name not in (RECONSTRUCTION, AE_HEAD)
        },
    }


def _encoder(params: SupervisedParams, inputs: Any) -> Any:
    import keras

    noisy = keras.layers.GaussianNoise(params.noise, name="encoder_noise")(inputs)
    return dense_block(
        noisy, params.encoder_units, "encoder", activation=params.activation, normalise=True
    )


def _ae_body(params: SupervisedParams, reconstruction: Any) -> Any:
    return dense_block(
        reconstruction,
        params.ae_head_units,
        "ae_head_block",
        activation=params.activation,
        normalise=True,
        dropout=params.ae_head_dropout,
    )


def _main(params: SupervisedParams, inputs: Any, code: Any) -> Any:
    import keras

    x = keras.layers.Concatenate(name="main_input")([inputs, code])
    x = keras.layers.BatchNormalization(name="main_input_norm")(x)
    x = keras.layers.Dropout(params.main_input_dropout, name="main_input_dropout")(x)
    blocks = zip(params.main_units, params.main_dropouts, strict=True)
    for number, (units, dropout) in enumerate(blocks, start=1):
        x = dense_block(
            x,
            units,
            f"main_{number}",
            activation=params.activation,
            normalise=True,
            dropout=dropout,
        )
    return x
