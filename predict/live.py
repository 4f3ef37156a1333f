"""`erazoo predict`: the live file through every member of the ensemble to one column."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.blend import open_recipe
from erazoo.config import Config
from erazoo.errors import ArtifactError, ConfigError, DataError, SchemaError, StaleDataError
from erazoo.logs import LOGGER
from erazoo.panel import EraBlock
from erazoo.publish import sha256
from erazoo.rundir import RunDir, Stage
from erazoo.tournament import TOURNAMENTS
from etl.build import SHARDS
from etl.cleaning import Cleaning
from etl.content import changed_columns
from etl.dataset import LiveData
from etl.references import References
from etl.shards import Manifest
from etl.source import data_files
from predict.submission import CheckedFile, Submission
from scoring.eras import EraSlices
from scoring.neutral import neutralize
from scoring.ranks import era_gaussian, era_ranks, rank_average
from training.families import load_model
from training.predictions import Predictions


def predict(config: Config, run: RunDir, *, force: bool = False) -> dict[str, Any]:
    """Predict the live universe and write the checked submission file.

    Memory: the live rows, and one member at a time.

    Returns:
        Where the predictions and the submission lie, and what was checked.

    Raises:
        ArtifactError: a member that has changed since the ensemble was made.
        DataError: live data that do not fit the models.
    """
    recipe = open_recipe(config, run)
    stage = predict_stage(config, run)
    if not force and stage.done():
        return {**stage.summary(), "skipped": True}
    begun = time.monotonic()
    stage.forget()
    cleaning = _cleaning(config, run, recipe)
    block = LiveData(data_files(config, run), cleaning.raw).block()
    block = replace(block, features=cleaning.features(block.features))
    slices = EraSlices.from_labels(np.full(len(block), block.era, dtype=object))
    values = _members(run, recipe, block, slices)
    final = _post_process(config, run, values, block, slices)
    prediction_path = run.path("live", "predictions.parquet")
    labels = np.full(len(block), block.era, dtype=object)
    facts = {"target": str(recipe["target"]), "fingerprint": str(recipe["fingerprint"])}
    Predictions(
        str(recipe["name"]), "live", block.ids, labels, final, np.full(len(block), "final"), facts
    ).save(prediction_path)
    written = _submission(config, run, block, final)
    summary = {
        "submission": str(written.path.relative_to(run.root)),
        "sha256": written.sha256,
        "predictions": str(prediction_path.relative_to(run.root)),
        "rows": len(block),
        "members": [member["name"] for member in recipe["members"]],
        "tournament": config.data.tournament,
        "checked": [
            f"{len(block)} live rows with all {len(cleaning.raw.names)} features on their grid",
            f"{len(recipe['members'])} members unchanged since the ensemble was made",
            *written.checks,
        ],
    }
    stage.finish([prediction_path, written.path], summary, time.monotonic() - begun)
    return summary


def predict_stage(config: Config, run: RunDir) -> Stage:
    """The stage of the live prediction: the ensemble, the live file and the post-processing.

    Raises:
        StaleDataError: there is no ensemble of this configuration.
        DataError: there is no live file.
    """
    recipe = open_recipe(config, run)
    live = data_files(config, run).live
    if live is None or not live.is_file():
        raise DataError(
            "there is no live file",
            received=str(live) if live else "data.live is empty",
            hint="Run `erazoo download`, or name the file in data.live",
        )
    settings = {"post": config.predict.model_dump(), "tournament": config.data.tournament}
    inputs = {
        "recipe": recipe,
        "live": sha256(live),
        "neutralizers": _neutralizer_prints(config, run),
    }
    return run.stage("predict", settings, inputs)


def _cleaning(config: Config, run: RunDir, recipe: Mapping[str, Any]) -> Cleaning:
    """What was learned for the shards of the recipe's models; live rows are cleaned by it too."""
    manifest = Manifest.load(run.path(SHARDS))
    if changed := changed_columns(config, manifest.facts["made_from"]):
        raise StaleDataError(
            "live rows would be read otherwise than the rows that the models learned from",
            received=f"another {', '.join(changed)}",
            hint="Give `erazoo predict` the settings that `erazoo shard` had",
        )
    spec = manifest.spec
    if spec.fingerprint != recipe["fingerprint"]:
        raise SchemaError(
            "the ensemble was made from other shards",
            received=spec.fingerprint,
            expected=recipe["fingerprint"],
            hint="Run `erazoo train` and `erazoo ensemble`",
        )
    return Cleaning.load(run.path(SHARDS))


def _members(
    run: RunDir, recipe: Mapping[str, Any], block: EraBlock, slices: EraSlices
) -> NDArray[np.float32]:
    spec = Manifest.load(run.path("shards")).spec
    columns, weights = [], []
    for member in recipe["members"]:
        folder = run.path(*Path(member["path"]).parts)
        if not (folder / "card.json").is_file() or sha256(folder / "card.json") != member["card"]:
            raise ArtifactError(
                f"the member {member['name']!r} is not the model that the ensemble was made of",
                received=str(folder),
                hint="Run `erazoo ensemble` again",
            )
        LOGGER.info("predict %s", member["name"])
        values = np.asarray(load_model(folder, spec)(block.features), dtype=np.float32)
        if not np.isfinite(values).all():
            raise DataError(f"the member {member['name']!r} predicts what is not a number")
        columns.append(values)
        weights.append(float(member["weight"]))
    return rank_average(columns, slices, weights)


def _post_process(
    config: Config, run: RunDir, values: NDArray[np.float32], block: EraBlock, slices: EraSlices
) -> NDArray[np.float32]:
    """Neutralise where that is wanted, then rank into (0, 1)."""
    column: NDArray[Any] = values
    if config.predict.neutralize:
        neutralizers = _neutralizers(config, run, block)
        if len(block) <= neutralizers.shape[1] + 1:
            raise ConfigError(
                "too few live rows to neutralise: nothing but rounding would be left",
                received=f"{len(block)} rows, {neutralizers.shape[1]} neutralizers",
                expected="more rows than neutralizers",
                hint="Set predict.neutralize = 0",
            )
        gaussian = era_gaussian(values, slices)
        column = neutralize(gaussian, neutralizers, slices, config.predict.neutralize)
    return era_ranks(column, slices).reshape(-1).astype(np.float32)


def _neutralizer_prints(config: Config, run: RunDir) -> list[str]:
    """What a neutralisation to the benchmark depends on beside the live file."""
    if not config.predict.neutralize or config.predict.neutralize_to == "features":
        return []
    paths = data_files(config, run).live_references
    return [config.data.benchmark, *(sha256(path) for path in paths)]


def _neutralizers(config: Config, run: RunDir, block: EraBlock) -> NDArray[Any]:
    if config.predict.neutralize_to == "features":
        return Manifest.load(run.path(SHARDS)).spec.centred(block.features)
    files = data_files(config, run)
    references = References(files.live_references, files)
    wanted = config.data.benchmark or next(iter(references.names), "")
    if wanted not in references.names:
        raise ConfigError(
            "predict.neutralize_to = 'benchmark' needs a live benchmark file",
            received=", ".join(references.names) or f"none in {files.place}",
            expected=wanted or None,
        )
    values = references.reader([block.era]).of(block.era, block.ids)
    column = values[:, [references.names.index(wanted)]]
    if np.isnan(column).any():
        raise DataError("the live benchmark lacks ids of the live file", received=wanted)
    return np.asarray(column)


def _submission(
    config: Config, run: RunDir, block: EraBlock, values: NDArray[np.float32]
) -> CheckedFile:
    tournament = TOURNAMENTS[config.data.tournament]
    ids = [str(i) for i in block.ids]
    submission = Submission(
        tournament=tournament,
        round=None,
        model=config.submit.slot or config.run.name,
        predictions=(ids, values.astype(np.float64)),
    )
    name = f"{tournament.name}-{config.run.name}.{config.predict.format}"
    return submission.write(run.path("submission", name), ids)
