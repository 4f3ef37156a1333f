"""A trained encoder as a part of another network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from erazoo.artefacts import CARD, open_sealed
from erazoo.errors import ConfigError, LeakageError, SchemaError
from erazoo.panel import FeatureSpec
from zoo.learned_columns import own_features

CODE = "code"
"""The layer of a network whose output other networks may read."""
MODEL = "model.keras"


def encoder_of(model: Path, fold: str, eras: Sequence[str]) -> Path:
    """The folder of the encoder that the fit `fold` on `eras` may use.

    Args:
        model: a model's folder in a run, with `folds/` and `final/`.
        fold: the fit's name.
        eras: all that the fit learns from or watches.

    Raises:
        ConfigError: the model has no such fold.
        ArtifactError: its encoder is damaged.
        LeakageError: the encoder has seen another era.
    """
    folder = model / fold if (model / fold).is_dir() else model / "folds" / fold
    if not folder.is_dir():
        raise ConfigError(
            "there is no encoder for a fold",
            received=str(folder),
            expected="the folder of a model that is trained on the same folds",
            hint="Train the autoencoder of this run first",
        )
    card = open_sealed(folder)
    seen = [*card.get("fit", ()), *card.get("monitor", ())]
    if foreign := [era for era in seen if era not in set(eras)]:
        raise LeakageError(
            f"the encoder of {fold} was trained on an era that the fold does not train on",
            received=f"era {foreign[0]} in {folder}",
            hint="Use an autoencoder of the same run",
        )
    return folder


def encoder_cards(model: Path, fold: str = "") -> tuple[Path, ...]:
    """The cards of a model's folder in a run, all of them or that of one fold's fit."""
    cards = sorted(model.glob(f"folds/{fold or '*'}/{CARD}"))
    last = [model / (fold or "final") / CARD]
    return tuple(path for path in (*cards, *last) if path.is_file())


def load_encoder(folder: Path, spec: FeatureSpec) -> Any:
    """The frozen network from raw features (n, F) to the code (n, c) of a trained model.

    It has neither the noise nor the dropout of its own training, and adds nothing to a loss. One
    that learned from some of the features picks these.

    Raises:
        ArtifactError: there is none, or it is damaged.
        SchemaError: it was trained on other features, or on one that is not here.
        ConfigError: its network has no code.
    """
    import keras

    import zoo.keras.layers  # noqa: F401

    card = open_sealed(folder)
    if card.get("members"):
        raise ConfigError(
            "an encoder is one network, not the mean of several",
            received=f"{', '.join(card['members'])} in {folder}",
            hint="Train the autoencoder with one seed and one target",
        )
    own = own_features(card, spec, folder)
    if card.get("fingerprint") != own.fingerprint:
        raise SchemaError(
            "an encoder of other features",
            received=f"fingerprint {card.get('fingerprint')} in {folder}",
            expected=own.fingerprint,
        )
    model = keras.saving.load_model(folder / MODEL, compile=False)
    if CODE not in {layer.name for layer in model.layers}:
        raise ConfigError(
            "this network has no code", received=f"{model.name} in {folder}", expected="autoencoder"
        )
    encoder = keras.Model(model.input, model.get_layer(CODE).output, name="encoder")
    encoder.trainable = False
    for layer in encoder.layers:
        if isinstance(layer, keras.layers.GaussianNoise):
            layer.stddev = 0.0
        elif isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return encoder if own.names == spec.names else _picking(encoder, spec, own)


def _picking(encoder: Any, spec: FeatureSpec, own: FeatureSpec) -> Any:
    """An encoder of raw features (n, F), for one that takes some of them."""
    import keras

    from zoo.keras.layers import Columns

    features = keras.Input((len(spec.names),), dtype=spec.dtype.name)
    code = encoder(Columns(spec.columns(own.names).tolist())(features))
    return keras.Model(features, code, name="encoder", trainable=False)
