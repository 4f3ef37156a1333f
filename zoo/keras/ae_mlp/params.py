"""Parameters and presets of the supervised autoencoder for regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.keras.ae_classifier.params import PRESETS as CLASSIFIERS
from zoo.keras.supervised import SupervisedParams


class AeMlpParams(SupervisedParams):
    """The supervised autoencoder with heads that predict the target itself.

    Presets:
        small: for about a hundred features on a CPU.
        numerai: as of `ae_classifier`.
        jane_street: the layers of that preset of `ae_classifier`, with one number for its labels.
    """


PRESETS: Mapping[str, Mapping[str, Any]] = {
    name: {option: value for option, value in values.items() if option != "head"}
    for name, values in CLASSIFIERS.items()
}
