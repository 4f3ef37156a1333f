"""`erazoo predict`: the live file through every member to a column of each recipe."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.blend import open_recipe
from ensemble.publication import recipe_folder
from ensemble.recipe import RECIPE, STANDARD, UNIQUE, Recipe, RecipeMember
from ensemble.unique.steps import apply
from ensemble.unique.view import EraView
from erazoo.artefacts import CARD
from erazoo.config import Config
from erazoo.config.schema import UniqueSection
from erazoo.errors import (
    ArtifactError,
    ConfigError,
    DataError,
    ErazooError,
    SchemaError,
    StaleDataError,
)
from erazoo.logs import LOGGER
from erazoo.panel import EraBlock, FeatureSpec
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
from scoring.ranks import era_gaussian, era_ranks
from training.families import load_model
from training.predictions import Predictions


def predict(config: Config, run: RunDir, *, force: bool = False) -> dict[str, Any]:
    """Predict the live universe by each recipe and write the checked submission files.

    There is one of the standard ensemble and, where it was made, one of the unique one. A member
    of both is predicted with once. Where a configured unique one fails, that is an error, but the
    standard one stands and can be submitted.

    Memory: the live rows, one member at a time and a column a member.

    Returns:
        Where the predictions and the submission lie, and what was checked; those of the unique
        ensemble under `unique`, which is None without one.

    Raises:
        ArtifactError: a member that has changed since the ensemble was made.
        DataError: live data that do not fit the models.
        ErazooError: a configured unique version failed; the standard one stands.
    """
    recipes = open_recipes(config, run)
    stage = predict_stage(config, run)
    if not force and stage.done() and not (_asked(config) and stage.summary()["no_unique"]):
        return {**stage.summary(), "skipped": True}
    begun = time.monotonic()
    stage.forget()
    for name in (STANDARD, UNIQUE):  # no file of an earlier round stays beside those of this one
        for path in _paths(config, run, name):
            path.unlink(missing_ok=True)
    block = live_block(config, run, recipes[STANDARD])
    ranks = member_ranks(config, run, recipes.values(), block)
    standard = _version(config, run, recipes[STANDARD], block, ranks)
    unique, failed = _unique(config, run, recipes, block, ranks)
    cleaning = Cleaning.load(run.path(SHARDS))
    summary = {
        **standard,
        "rows": len(block),
        "tournament": config.data.tournament,
        "checked": [
            f"{len(block)} live rows with all {len(cleaning.raw.names)} features on their grid",
            f"{len(ranks)} members unchanged since the ensemble was made",
            *standard["checked"],
        ],
        "unique": unique,
        "no_unique": failed.message if failed else "",
    }
    made = (standard, unique) if unique else (standard,)
    outputs = [run.path(one[key]) for one in made for key in ("predictions", "submission")]
    stage.finish(outputs, summary, time.monotonic() - begun)
    if failed and _asked(config):
        raise ErazooError(
            "the unique version of the live predictions failed, while the standard one stands and "
            f"can be submitted: {failed.message}"
        ) from failed
    return summary


def _asked(config: Config) -> bool:
    """Whether a unique version was configured, so that its lack is an error."""
    return config.ensemble.unique != UniqueSection()


def open_recipes(config: Config, run: RunDir) -> dict[str, Recipe]:
    """The recipe of the standard ensemble, and that of the unique one where it was made.

    Raises:
        StaleDataError: there is no ensemble of this configuration.
    """
    recipes = {STANDARD: open_recipe(config, run)}
    if (recipe_folder(run, UNIQUE) / RECIPE).is_file():
        recipes[UNIQUE] = open_recipe(config, run, UNIQUE)
    return recipes


def predict_stage(config: Config, run: RunDir) -> Stage:
    """The stage of the live prediction: the ensemble, the live file and the post-processing.

    Raises:
        StaleDataError: there is no ensemble of this configuration.
        DataError: there is no live file.
    """
    recipes = open_recipes(config, run)
    live = data_files(config, run).live
    if live is None or not live.is_file():
        raise DataError(
            "there is no live file",
            received=str(live) if live else "data.live is empty",
            hint="Run `erazoo download`, or name the file in data.live",
        )
    settings = {"post": config.predict.model_dump(), "tournament": config.data.tournament}
    inputs = {
        "recipes": [recipe.content for recipe in recipes.values()],
        "live": sha256(live),
        "benchmarks": _benchmark_prints(config, run, recipes.values()),
    }
    return run.stage("predict", settings, inputs)


def member_ranks(
    config: Config, run: RunDir, recipes: Iterable[Recipe], block: EraBlock
) -> dict[str, NDArray[np.float32]]:
    """The ranks (rows,) of every member of some recipes among the live rows.

    A member of another run gets its features as that run's shards were made.

    Raises:
        ArtifactError: a member that has changed since the ensemble was made.
        DataError: a member predicts what is not a number.
    """
    own, slices = run.path(SHARDS).resolve(), _slices(block)
    blocks = {own: block}
    ranks: dict[str, NDArray[np.float32]] = {}
    for member in (member for recipe in recipes for member in recipe.members):
        if member.name in ranks:
            continue
        shards = member.shards.resolve()
        if shards not in blocks:
            blocks[shards] = _same_rows(_cleaned(config, run, Cleaning.load(shards)), block)
        values = _predicted(member, Manifest.load(shards).spec, blocks[shards])
        ranks[member.name] = era_ranks(values, slices).astype(np.float32)
    return ranks


def _predicted(member: RecipeMember, spec: FeatureSpec, block: EraBlock) -> NDArray[np.float32]:
    card = member.folder / CARD
    if not card.is_file() or sha256(card) != member.card:
        raise ArtifactError(
            f"the member {member.name!r} is not the model that the ensemble was made of",
            received=str(member.folder),
            hint="Run `erazoo ensemble` again",
        )
    LOGGER.info("predict %s", member.name)
    values = np.asarray(load_model(member.folder, spec)(block.features), dtype=np.float32)
    if not np.isfinite(values).all():
        raise DataError(f"the member {member.name!r} predicts what is not a number")
    return values


def live_block(config: Config, run: RunDir, recipe: Recipe) -> EraBlock:
    """The live rows, cleaned by what was learned for the shards of the run.

    Raises:
        StaleDataError: they would be read otherwise than the shards were.
        SchemaError: the recipe was made from other shards.
    """
    manifest = Manifest.load(run.path(SHARDS))
    if changed := changed_columns(config, manifest.facts["made_from"]):
        raise StaleDataError(
            "live rows would be read otherwise than the rows that the models learned from",
            received=f"another {', '.join(changed)}",
            hint="Give `erazoo predict` the settings that `erazoo shard` had",
        )
    if manifest.spec.fingerprint != recipe.fingerprint:
        raise SchemaError(
            "the ensemble was made from other shards",
            received=manifest.spec.fingerprint,
            expected=recipe.fingerprint,
            hint="Run `erazoo train` and `erazoo ensemble`",
        )
    return _cleaned(config, run, Cleaning.load(run.path(SHARDS)))


def _cleaned(config: Config, run: RunDir, cleaning: Cleaning) -> EraBlock:
    block = LiveData(data_files(config, run), cleaning.raw).block()
    return replace(block, features=cleaning.features(block.features))


def _same_rows(block: EraBlock, own: EraBlock) -> EraBlock:
    if not np.array_equal(block.ids, own.ids):
        raise DataError("the live file changed while it was read")
    return block


def _version(
    config: Config,
    run: RunDir,
    recipe: Recipe,
    block: EraBlock,
    ranks: Mapping[str, NDArray[np.float32]],
) -> dict[str, Any]:
    """The predictions and the submission of one recipe."""
    own = [member.name for member in recipe.members]
    final = live_values(config, run, recipe, block, ranks)
    path, place = _paths(config, run, recipe.name)
    labels = np.full(len(block), block.era, dtype=object)
    facts = {"target": recipe.target, "fingerprint": recipe.fingerprint}
    Predictions(
        recipe.name, "live", block.ids, labels, final, np.full(len(block), "final"), facts
    ).save(path)
    written = _submission(config, place, block, final)
    return {
        "submission": str(place.relative_to(run.root)),
        "sha256": written.sha256,
        "predictions": str(path.relative_to(run.root)),
        "members": own,
        "checked": list(written.checks),
    }


def live_values(
    config: Config,
    run: RunDir,
    recipe: Recipe,
    block: EraBlock,
    ranks: Mapping[str, NDArray[np.float32]],
) -> NDArray[np.float32]:
    """What a recipe makes of live rows: ranks (rows,) in (0, 1).

    Args:
        config: the experiment.
        run: its run directory.
        recipe: of the standard ensemble, which [predict] may neutralise, or of another.
        block: the rows.
        ranks: (rows,) of the members by name, at least.
    """
    own = {member.name: ranks[member.name] for member in recipe.members}
    values = recipe.combination.live(np.stack(list(own.values())), block)
    values = apply(recipe.post, values, _view(config, run, recipe, block, own))
    if recipe.name != UNIQUE:
        values = _post_process(config, run, values, block)
    return era_ranks(values, _slices(block)).reshape(-1).astype(np.float32)


def _unique(
    config: Config,
    run: RunDir,
    recipes: Mapping[str, Recipe],
    block: EraBlock,
    ranks: Mapping[str, NDArray[np.float32]],
) -> tuple[dict[str, Any] | None, ConfigError | DataError | None]:
    """The unique version, or why there is none although there is a recipe."""
    if UNIQUE not in recipes:
        return None, None
    try:
        return _version(config, run, recipes[UNIQUE], block, ranks), None
    except (ConfigError, DataError) as error:
        LOGGER.warning("there is no unique version of the live predictions: %s", error.message)
        return None, error


def _view(
    config: Config,
    run: RunDir,
    recipe: Recipe,
    block: EraBlock,
    members: Mapping[str, NDArray[np.float32]],
) -> EraView:
    """The live rows as steps of post-processing see them."""
    names = benchmarks_read(recipe)
    columns = {name: _benchmark(config, run, block, name) for name in names}
    spec = Manifest.load(run.path(SHARDS)).spec
    return EraView(block.era, spec, block.features, columns, members)


def _slices(block: EraBlock) -> EraSlices:
    return EraSlices((str(block.era),), np.array([0, len(block)]))


def _post_process(
    config: Config, run: RunDir, values: NDArray[np.float32], block: EraBlock
) -> NDArray[Any]:
    """Neutralise where [predict] wants that."""
    if not config.predict.neutralize:
        return values
    neutralizers = _neutralizers(config, run, block)
    if len(block) <= neutralizers.shape[1] + 1:
        raise ConfigError(
            "too few live rows to neutralise: nothing but rounding would be left",
            received=f"{len(block)} rows, {neutralizers.shape[1]} neutralizers",
            expected="more rows than neutralizers",
            hint="Set predict.neutralize = 0",
        )
    slices = _slices(block)
    return neutralize(era_gaussian(values, slices), neutralizers, slices, config.predict.neutralize)


def _neutralizers(config: Config, run: RunDir, block: EraBlock) -> NDArray[Any]:
    if config.predict.neutralize_to == "features":
        return Manifest.load(run.path(SHARDS)).spec.centred(block.features)
    return _benchmark(config, run, block, config.data.benchmark)[:, None]


def _benchmark_prints(config: Config, run: RunDir, recipes: Iterable[Recipe]) -> list[str]:
    """The live benchmarks that the predictions depend on."""
    names = [name for recipe in recipes for name in benchmarks_read(recipe)]
    if config.predict.neutralize and config.predict.neutralize_to == "benchmark":
        names.append(config.data.benchmark)
    paths = data_files(config, run).live_references
    return [*names, *(sha256(path) for path in paths)] if names else []


def benchmarks_read(recipe: Recipe) -> tuple[str, ...]:
    """The benchmark columns that the post-processing of a recipe needs."""
    return tuple(dict.fromkeys(name for step in recipe.post for name in step.reads))


def benchmark_name(config: Config, run: RunDir, wanted: str = "") -> str:
    """The column of the live benchmark file that is meant, the first one where none is named.

    Raises:
        ConfigError: there is no such column, or no live benchmark file.
    """
    files = data_files(config, run)
    names = References(files.live_references, files).names
    found = wanted or next(iter(names), "")
    if found not in names:
        raise ConfigError(
            "the live predictions need a live benchmark file",
            received=", ".join(names) or f"none in {files.place}",
            expected=found or None,
        )
    return found


def _benchmark(config: Config, run: RunDir, block: EraBlock, name: str) -> NDArray[Any]:
    """A benchmark's predictions of the live rows, (rows,); the first one where none is named."""
    wanted, files = benchmark_name(config, run, name), data_files(config, run)
    references = References(files.live_references, files)
    values = references.reader([block.era]).of(block.era, block.ids)
    column = values[:, references.names.index(wanted)]
    if np.isnan(column).any():
        raise DataError("the live benchmark lacks ids of the live file", received=wanted)
    return np.asarray(column)


def _paths(config: Config, run: RunDir, name: str) -> tuple[Path, Path]:
    """Where the predictions and the submission of a recipe lie."""
    live, ending = ("predictions", "") if name == STANDARD else (name, f"-{name}")
    file = f"{config.data.tournament}-{config.run.name}{ending}.{config.predict.format}"
    return run.path("live", f"{live}.parquet"), run.path("submission", file)


def _submission(
    config: Config, path: Path, block: EraBlock, values: NDArray[np.float32]
) -> CheckedFile:
    tournament = TOURNAMENTS[config.data.tournament]
    ids = [str(i) for i in block.ids]
    submission = Submission(
        tournament=tournament,
        round=None,
        model=config.submit.slot or config.run.name,
        predictions=(ids, values.astype(np.float64)),
    )
    return submission.write(path, ids)
