"""An export of mined models as a recipe, which live rows are predicted with."""

from __future__ import annotations

import numpy as np

from ensemble.combination import FixedWeights
from ensemble.recipe import Recipe, RecipeMember
from erazoo.artefacts import CARD
from erazoo.publish import sha256
from erazoo.rundir import RunDir
from etl.build import SHARDS
from etl.shards import Manifest
from search.exports import open_export


def mined_recipe(run: RunDir, study: str, model: str = "") -> Recipe:
    """The recipe of a study's export: its models by their weights.

    Args:
        run: the run directory.
        study: the name of the study.
        model: the name of the export; may be empty where there is one.

    Raises:
        StaleDataError: the study has no exports.
        ConfigError: none of this name, or several and no name.
        ArtifactError: a file is missing or has changed.
    """
    export, shards = open_export(run, study, model), run.path(SHARDS)
    members = tuple(
        RecipeMember(one.id, one.final, sha256(one.final / CARD), shards) for one in export.models
    )
    combination = FixedWeights(np.array([one.weight for one in export.models]))
    fingerprint = Manifest.load(shards).spec.fingerprint
    return Recipe(export.id, export.target, fingerprint, members, combination, (), export.card)
