"""What a model pickle is made of: the members of a recipe as plain values."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.recipe import Recipe, RecipeMember
from erazoo.artefacts import open_sealed
from erazoo.config import Config
from erazoo.errors import ConfigError
from erazoo.panel import MISSING_QUINTILE, OWN_CODE, FeatureSpec
from erazoo.rundir import RunDir
from etl.build import SHARDS
from etl.cleaning import Cleaning
from etl.cleaning.missing import Values, as_values
from predict.live import benchmark_name
from zoo.boosting.lightgbm import LightGBM, LightGBMParams
from zoo.learned_columns import own_features

LIGHTGBM = "lightgbm"


def plan_of(config: Config, run: RunDir, recipe: Recipe) -> dict[str, Any]:
    """A recipe as `predict.portable.prediction_function` takes it.

    Raises:
        ConfigError: a member that is no LightGBM model, weights that depend on the era, or a
            cleaning of features that a pickle cannot repeat.
        ArtifactError: a member's file is missing or has changed.
    """
    weights = recipe.combination.weights
    if weights is None or recipe.post:
        raise ConfigError(
            "a model pickle holds members with fixed weights",
            received=f"an ensemble of the kind {recipe.combination.kind!r}",
            hint="Choose another ensemble.method, such as equal",
        )
    section, named = config.predict, config.data.benchmark
    amount, features = section.neutralize, section.neutralize_to == "features"
    pairs = zip(recipe.members, weights, strict=True)
    return {
        "members": [_member(member, float(weight)) for member, weight in pairs if weight > 0],
        "neutralize": amount,
        "neutralizers": _neutralizers(run) if amount and features else {},
        "benchmark": "" if not amount or features else benchmark_name(config, run, named),
    }


def _member(member: RecipeMember, weight: float) -> dict[str, Any]:
    cleaning, card = Cleaning.load(member.shards), open_sealed(member.folder)
    own = own_features(card, cleaning.spec, member.folder)
    folders = [member.folder / name for name in card.get("members", ())] or [member.folder]
    return {
        "name": member.name,
        "weight": weight,
        **_columns(cleaning, own),
        "fits": [_fit(member.name, folder, own) for folder in folders],
    }


def _columns(cleaning: Cleaning, own: FeatureSpec) -> dict[str, Any]:
    """Features by name, and what takes the place of a missing value."""
    fill = _fill(cleaning)[cleaning.raw.columns(own.names)]
    return {"features": list(own.names), "fill": fill.tolist(), "quintiles": own.dtype == np.int8}


def _fit(name: str, folder: Path, own: FeatureSpec) -> dict[str, Any]:
    """The trees of one fit as LightGBM's text, packed, and the classes' values if there are any."""
    card = open_sealed(folder)
    if card["model"] != LIGHTGBM:
        raise ConfigError(
            "a model pickle holds LightGBM models",
            received=f"{name}, which is {card['model']}",
            hint="Leave it out with ensemble.members",
        )
    model = LightGBM(LightGBMParams.model_validate(card["params"]), own)
    model.load(folder)
    texts = [stage.model_to_string(num_iteration=-1) for stage in model.stages]
    return {
        "stages": [zlib.compress(text.encode()) for text in texts],
        "classes": [] if model.goal is None else list(model.goal.values),
        "trees": sum(model.trees(stage) for stage in model.stages),
    }


def _fill(cleaning: Cleaning) -> NDArray[np.float64]:
    """What LightGBM gets for a missing value of each raw feature (F,), NaN where it stays so."""
    values = np.empty(len(cleaning.raw.names))
    plain = cleaning.spec.names == cleaning.raw.names
    for group in cleaning.groups:
        if not plain or group.limits is not None or not isinstance(group.fill, Values):
            raise ConfigError(
                "a model pickle cannot repeat this cleaning of features",
                received=f"[clean] with {_words(group.group.rules.model_dump())}",
                expected="missing values that are filled with one number a feature, and no more",
            )
        filled = as_values(group.fill.values, cleaning.raw.dtype).astype(np.float64)
        values[group.group.columns] = filled
    if cleaning.spec.missing == OWN_CODE:
        values[values == OWN_CODE] = np.nan
    return values


def _words(rules: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {rules[name]!r}" for name in ("missing", "indicators", "outliers"))


def _neutralizers(run: RunDir) -> dict[str, Any]:
    """All features of the run's shards; a missing quintile is the centre."""
    cleaning = Cleaning.load(run.path(SHARDS))
    columns = _columns(cleaning, cleaning.spec)
    if columns["quintiles"]:
        fill = np.nan_to_num(columns["fill"], nan=MISSING_QUINTILE)
        columns["fill"] = fill.tolist()
    return columns
