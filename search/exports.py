"""What mining exported: models, and ensembles of these, each in a folder with its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erazoo.artefacts import CARD, open_sealed
from erazoo.errors import ArtifactError, ConfigError, StaleDataError
from erazoo.near import nearest
from erazoo.publish import sha256
from erazoo.rundir import RunDir
from search.folder import MINE

EXPORT, FINAL = "export", "final"


@dataclass(frozen=True)
class ExportedModel:
    """A mined model that was trained again on every resolved era.

    Args:
        id: of its configuration.
        weight: in the export that it is read for.
        folder: of all its fits.
    """

    id: str
    weight: float
    folder: Path

    @property
    def final(self) -> Path:
        """The fit that predicts live rows."""
        return self.folder / FINAL


@dataclass(frozen=True)
class Export:
    """One model, or an ensemble of several.

    Args:
        id: of the configuration or of the ensemble.
        target: that it is scored on.
        models: at least one.
        card: all that its card says.
    """

    id: str
    target: str
    models: tuple[ExportedModel, ...]
    card: Mapping[str, Any]


def exports_folder(run: RunDir, study: str) -> Path:
    """Where the exports of a study lie."""
    return run.path(MINE, study, EXPORT)


def exported(run: RunDir, study: str) -> tuple[str, ...]:
    """The ids of a study's finished exports, in order."""
    folder = exports_folder(run, study)
    return tuple(sorted(path.parent.name for path in folder.glob(f"*/{CARD}")))


def open_export(run: RunDir, study: str, name: str = "") -> Export:
    """An export, once all its files are checked.

    Args:
        run: the run directory.
        study: the name of the study.
        name: of the export; may be empty where there is one.

    Raises:
        StaleDataError: the study has no exports.
        ConfigError: none of this name, or several and no name.
        ArtifactError: a file is missing or has changed.
    """
    known = exported(run, study)
    if not known:
        raise StaleDataError(
            f"nothing was exported from the study {study!r}",
            received=str(exports_folder(run, study)),
            hint="Run `erazoo mine export ID` first",
        )
    if not name and len(known) > 1:
        raise ConfigError(
            "the study has several exports", received=", ".join(known), hint="Name one by --model"
        )
    chosen = name or known[0]
    if chosen not in known:
        raise ConfigError("there is no such export", received=name, expected=nearest(name, known))
    folder = exports_folder(run, study) / chosen
    card = open_sealed(folder)
    models = card.get("models")
    if models is None:
        return Export(chosen, card["target"], (ExportedModel(chosen, 1.0, folder),), card)
    return Export(chosen, card["target"], tuple(_part(folder, one) for one in models), card)


def _part(folder: Path, entry: Mapping[str, Any]) -> ExportedModel:
    """A model of an ensemble, which is the one that the ensemble was made of."""
    own = folder.parent / str(entry["id"])
    if not (own / CARD).is_file() or sha256(own / CARD) != entry["card"]:
        raise ArtifactError(
            "a model of an exported ensemble is not the one that it was made of",
            received=str(own),
            hint="Run `erazoo mine export` with the same ids again",
        )
    open_sealed(own)
    return ExportedModel(str(entry["id"]), float(entry["weight"]), own)
