"""Parameters and presets of the autoencoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import override

from zoo.keras.heads import Head, Reconstruction
from zoo.keras.params import Activation, NetworkParams, Rate, Width

RECONSTRUCTION = "reconstruction"


class AutoencoderParams(NetworkParams):
    """A denoising autoencoder (Vincent et al. 2008), or a variational one, with a probe.

    The code is learned from the features alone, by the mean squared error of reconstructing the
    clean inputs from disturbed ones. The head is a probe on the code: it tells what the code knows
    of the target without shaping it, unless `supervised`. The layer `code` is what `encoder` of
    the `mlp` reads. Noise of `inputs` adds to that of the encoder.

    Args:
        units: widths of the encoder's blocks; the decoder has them in reverse.
        code: the code's width.
        activation: of the blocks.
        normalise: batch normalisation in the blocks.
        noise: standard deviation of Gaussian noise on the inputs in training.
        mask: share of inputs set to 0 in training.
        variational: a Gaussian code under a divergence from N(0, 1) (Kingma and Welling 2014).
        divergence: the factor of that divergence; 1 is the evidence lower bound of a Gaussian
            decoder of unit variance, and more of it a beta-VAE (Higgins et al. 2017).
        reconstruction_weight: factor of the reconstruction's loss.
        supervised: whether the head's loss shapes the code too.

    Presets:
        small: 128 to a code of 16.
        denoising: 512 and 256 to a code of 64, a fifth of the inputs masked.
        variational: the same without noise, its code a distribution.
    """

    units: Annotated[tuple[Width, ...], Field(max_length=16)] = (128,)
    code: Width = 16
    activation: Activation = "silu"
    normalise: bool = True
    noise: float = Field(0.1, ge=0, le=1)
    mask: Rate = 0.0
    variational: bool = False
    divergence: float = Field(1.0, ge=0)
    reconstruction_weight: float = Field(1.0, gt=0)
    supervised: bool = False

    @override
    def heads(self) -> tuple[Head, ...]:
        """The probe's and the outputs `reconstruction`."""
        probe = self.head.model_copy(update={"reconstruction": 0.0})
        again = Reconstruction(RECONSTRUCTION, self.reconstruction_weight)
        return (*probe.heads(self.batch_eras), again)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {},
    "denoising": {"units": (512, 256), "code": 64, "noise": 0.05, "mask": 0.2},
    "variational": {"units": (512, 256), "code": 64, "noise": 0.0, "variational": True},
}
