"""Which trainer serves which family of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from erazoo.artefacts import CARD, open_sealed
from erazoo.config.schema import TrainingSection
from erazoo.errors import ArtifactError, SchemaError
from erazoo.logs import quiet_native
from erazoo.panel import FeatureSpec
from erazoo.publish import sha256
from training.complete import CompleteTrainer
from training.estimator import EstimatorTrainer, check_features
from training.members import MeanRank
from training.task import UNFITTING, Trainer
from zoo import catalogue
from zoo.catalogue import ModelSpec
from zoo.learned_columns import own_features
from zoo.plugin import PLUGIN

if TYPE_CHECKING:
    from training.task import BlockPredictor


def trainer_of(spec: ModelSpec) -> Trainer:
    """The trainer of a model's family; only the network trainer imports TensorFlow.

    That of a model which takes no missing values refuses features that hold some.
    """
    trainer = _trainer(spec)
    return trainer if spec.takes_missing else CompleteTrainer(trainer)


def _trainer(spec: ModelSpec) -> Trainer:
    if spec.family == "keras":
        with quiet_native():
            import tensorflow

            tensorflow.config.list_physical_devices()
            tensorflow.get_logger().setLevel("ERROR")
        from training.keras.trainer import KerasTrainer

        return KerasTrainer()
    if spec.family == "h2o":
        from training.h2o.trainer import H2OTrainer

        return H2OTrainer()
    if spec.family == "sparkling":
        from training.h2o.sparkling import SparklingTrainer

        return SparklingTrainer()
    if spec.family == "blend":
        from training.blend import BlendTrainer

        return BlendTrainer(trainer_of)
    return EstimatorTrainer()


def settings_of(spec: ModelSpec, settings: TrainingSection) -> dict[str, Any]:
    """The settings of [training] that a fit of this model depends on.

    Most are about a network's epochs; boosted trees, alone or blended, depend on the device.
    """
    if spec.family == "keras":
        return settings.model_dump(mode="json", exclude=set(UNFITTING))
    return {"devices": settings.devices} if spec.family in ("boosting", "blend") else {}


def load_model(folder: Path, features: FeatureSpec) -> BlockPredictor:
    """A trained model from its folder, checked against its card.

    Where it is several fits, whose folders lie in this one, it is called with one whole era at a
    time and answers the mean of their ranks. A model that learned from some of the features picks
    these from the rows, by name.

    Args:
        folder: holds `card.json` and the model's files.
        features: the features that it will be given.

    Raises:
        ArtifactError: a file is missing or has changed.
        SchemaError: the model was trained on other features, or lacks one here.
    """
    card = open_sealed(folder)
    own = own_features(card, features, folder)
    if card.get("fingerprint") != own.fingerprint:
        raise SchemaError(
            f"the model in {folder} was trained on other features, or other cleaning of them",
            received=f"fingerprint {own.fingerprint}",
            expected=card.get("fingerprint"),
            hint="Shard the data and train again, or use the data that it was trained on",
        )
    model = _opened(folder, card, own)
    return model if own.names == features.names else Picked(model, features, own)


class Picked:
    """Raw features (rows, F) to the predictions of a model that learned from some of them.

    Args:
        model: takes its own features.
        given: the features of the rows.
        own: those of the model.
    """

    def __init__(self, model: BlockPredictor, given: FeatureSpec, own: FeatureSpec) -> None:
        self._model, self._given = model, given
        self._columns = given.columns(own.names)

    def __call__(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predict rows.

        Raises:
            SchemaError: another number of features, or another type.
        """
        check_features("model", self._given, features)
        return self._model(np.take(features, self._columns, axis=1))


def _opened(folder: Path, card: Mapping[str, Any], features: FeatureSpec) -> BlockPredictor:
    """The model of a card, for its own features."""
    if members := card.get("members"):
        _check_members(folder, members)
        return MeanRank([load_model(folder / name, features) for name in members])
    try:
        own = folder / PLUGIN
        spec = catalogue.get(str(own) if own.is_file() else str(card["model"]))
        params = spec.params.model_validate(card["params"])
    except (KeyError, ValueError) as error:
        raise ArtifactError(
            "the card of a model does not fit this version", received=f"{folder}: {error}"
        ) from None
    return trainer_of(spec).load(spec, params, features, folder)


def _check_members(folder: Path, members: Mapping[str, str]) -> None:
    for name, card in members.items():
        path = folder / name / CARD
        if not path.is_file() or sha256(path) != card:
            raise ArtifactError(
                "a fit that a model is the mean of is not the one that it was made of",
                received=str(path.parent),
                hint="Train the model again",
            )


def checksums(folders: Sequence[Path]) -> dict[str, dict[str, str]]:
    """The sha256 of every file of some model folders, by folder name, after checking them."""
    return {str(folder): dict(open_sealed(folder)["files"]) for folder in folders}
