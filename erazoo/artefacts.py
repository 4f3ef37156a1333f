"""Artefacts: a folder whose files are tied to the checksums in its card."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from erazoo.errors import ArtifactError
from erazoo.publish import read_json, sha256, write_json

CARD = "card.json"


def seal(folder: Path, card: Mapping[str, Any], passing: Collection[str] = ()) -> None:
    """Write the card of an artefact: its facts and the sha256 of every file beside it.

    Args:
        folder: of the artefact.
        card: its facts.
        passing: names in the folder that are no part of it, and go afterwards.
    """
    files = {
        str(path.relative_to(folder)): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != CARD and path.relative_to(folder).parts[0] not in passing
    }
    write_json(folder / CARD, {**card, "files": files})


def open_sealed(folder: Path) -> dict[str, Any]:
    """Read an artefact's card after checking every file against it.

    Raises:
        ArtifactError: the card or a file is missing, or a file has changed.
    """
    try:
        card = dict(read_json(folder / CARD))
        files = dict(card["files"])
    except (FileNotFoundError, NotADirectoryError):
        raise ArtifactError(
            "there is no artefact here", received=str(folder), expected=f"a folder with {CARD}"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ArtifactError("the card of an artefact is damaged", received=str(folder)) from None
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise ArtifactError("a file of an artefact is missing", received=str(path))
        if sha256(path) != expected:
            raise ArtifactError(
                "a file of an artefact has changed since it was written",
                received=str(path),
                hint="Train the model again or restore the file",
            )
    return card
