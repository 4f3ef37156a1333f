"""Parameters and presets of the supervised autoencoder classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from zoo.keras.params import HeadOptions
from zoo.keras.supervised import SupervisedParams


class ClassHead(HeadOptions):
    """The head of a classifier, which classifies unless told otherwise."""

    kind: Literal["regression", "classes", "multilabel", "ordinal"] = "classes"


class AeClassifierParams(SupervisedParams):
    """The supervised autoencoder with heads that classify the target.

    Presets:
        small: for about a hundred features on a CPU.
        numerai: the published shape, wider in the code, for the medium feature set.
        jane_street: the network of the Jane Street Market Prediction winner (Kaggle, 2021), which
            ran at most 100 epochs with a patience of 10 and averaged three seeds: set
            `training.epochs`, `training.patience` and the model's `seeds`. Its binary labels, one
            a return horizon, become one a class boundary.
    """

    head: ClassHead = ClassHead()


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
        "head": {"kind": "multilabel"},
        "optimizer": "adam",
        "batch_size": 4096,
    },
}
