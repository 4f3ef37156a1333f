"""The recipe of an ensemble: all that live rows need of it, in one JSON file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ensemble.combination import Combination, FixedWeights
from ensemble.members import Member
from ensemble.meta.combination import EraWeights
from ensemble.stacking import LightGBMStacking
from ensemble.unique.steps import Step, steps_from_json, steps_to_json
from erazoo.artefacts import CARD
from erazoo.errors import ArtifactError, StaleDataError
from erazoo.publish import read_json, sha256, write_json
from etl.build import SHARDS

VERSION = 2
RECIPE = "ensemble.json"
STANDARD, UNIQUE = "ensemble", "unique"

READERS: dict[str, Callable[[Mapping[str, Any], Path], Combination]] = {
    "weights": FixedWeights.read,
    "stacking": LightGBMStacking.read,
    "meta": EraWeights.read,
}
"""What reads the recipes of a kind, from the recipe and the folder that it lies in."""


@dataclass(frozen=True)
class RecipeMember:
    """A member as a recipe names it.

    Args:
        name: of the member.
        folder: of the fit that predicts live data.
        card: sha256 of its card.
        shards: the folder of the shards whose cleaning and features it was trained with.
    """

    name: str
    folder: Path
    card: str
    shards: Path


@dataclass(frozen=True)
class Recipe:
    """A recipe, its files checked.

    Args:
        name: `ensemble` or `unique`.
        target: that the ensemble is scored on.
        fingerprint: of the run's features.
        members: that live rows are predicted with, in the order of the combination.
        combination: how their ranks become one column.
        post: steps of post-processing.
        content: the whole file.
    """

    name: str
    target: str
    fingerprint: str
    members: tuple[RecipeMember, ...]
    combination: Combination
    post: tuple[Step, ...]
    content: Mapping[str, Any]


def write_recipe(
    folder: Path,
    name: str,
    root: Path,
    members: Sequence[Member],
    combination: Combination,
    facts: Mapping[str, Any],
    post: Sequence[Step] = (),
) -> dict[str, Any]:
    """Write the recipe of an ensemble into `folder`, with the files of its combination.

    Of fixed weights, members without any are left out, unless a step of `post` reads them.

    Args:
        folder: of the recipe.
        name: of the ensemble.
        root: the run directory, which the paths of members are relative to.
        members: in the order of the combination.
        combination: how their ranks become one column.
        facts: further entries, `target` and `fingerprint` among them.
        post: steps of post-processing.

    Returns:
        The content of the recipe.
    """
    weights = combination.weights
    each = [None] * len(members) if weights is None else [float(w) for w in weights]
    read = {name for step in steps_to_json(post) for name in _members_read(step)}
    recipe = {
        "version": VERSION,
        "name": name,
        "kind": combination.kind,
        **facts,
        "members": [
            _entry(member, weight, root)
            for member, weight in zip(members, each, strict=True)
            if weight is None or weight > 0 or member.name in read
        ],
        "files": {},
        **combination.write(folder),
        "post": steps_to_json(post),
    }
    write_json(folder / RECIPE, recipe)
    return recipe


def read_recipe(folder: Path, root: Path) -> Recipe:
    """The recipe in `folder`, once its files are checked against it.

    Nothing else is read: neither predictions nor shards.

    Args:
        folder: of the recipe.
        root: the run directory.

    Raises:
        StaleDataError: there is none, or one of an earlier version.
        ArtifactError: it is damaged, or a file beside it has changed.
    """
    path = folder / RECIPE
    try:
        content = dict(read_json(path))
        if content.get("version") != VERSION:
            raise StaleDataError(
                "the ensemble's recipe is of another version",
                received=content.get("version", 1),
                expected=VERSION,
                hint="Run `erazoo ensemble`",
            )
        _check_files(folder, content["files"])
        members = tuple(_member(entry, root) for entry in content["members"])
        combination = READERS[content["kind"]](content, folder)
        return Recipe(
            content["name"],
            content["target"],
            content["fingerprint"],
            members,
            combination,
            steps_from_json(content["post"]),
            content,
        )
    except FileNotFoundError:
        raise StaleDataError(
            f"there is no ensemble in {root}", hint="Run `erazoo ensemble`"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ArtifactError("the ensemble's recipe is damaged", received=str(path)) from None


def _members_read(step: Mapping[str, Any]) -> Sequence[str]:
    """The members that the stand-in of a step reads."""
    return tuple((step.get("stand_in") or {}).get("members", ()))


def _entry(member: Member, weight: float | None, root: Path) -> dict[str, Any]:
    shards = member.run / SHARDS
    return {
        "name": member.name,
        "family": member.family,
        "weight": weight,
        "path": _relative(member.final, root),
        "card": sha256(member.final / CARD),
        "shards": _relative(shards, root),
    }


def _member(entry: Mapping[str, Any], root: Path) -> RecipeMember:
    return RecipeMember(entry["name"], root / entry["path"], entry["card"], root / entry["shards"])


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path.resolve(), root.resolve())).as_posix()


def _check_files(folder: Path, files: Mapping[str, str]) -> None:
    for name, expected in files.items():
        path = folder / name
        if not path.is_file() or sha256(path) != expected:
            raise ArtifactError(
                "a file of the ensemble is missing or has changed since it was made",
                received=str(path),
                hint="Run `erazoo ensemble --force`",
            )
