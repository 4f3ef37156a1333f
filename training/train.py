"""`erazoo train`: every chosen model through all folds, one process each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from erazoo.config import Config
from erazoo.errors import ConfigError
from erazoo.logs import LOGGER
from erazoo.near import nearest
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.build import bring_shards, open_shards
from training.loop import RESULT, model_dir, model_stage
from training.process import train_apart
from zoo import catalogue


def chosen_models(config: Config, names: Sequence[str]) -> tuple[str, ...]:
    """The configured models that are trained: those named, else all that are enabled.

    Raises:
        ConfigError: a name that the configuration lacks, or nothing to train.
    """
    for name in names:
        if name not in config.models:
            raise ConfigError(
                "the configuration has no such model",
                received=name,
                expected=nearest(name, config.models),
                hint=f"Add a table [models.{name}]",
            )
    chosen = tuple(names) or tuple(n for n, entry in config.models.items() if entry.enabled)
    if not chosen:
        raise ConfigError("there is no model to train", hint="Add a table such as [models.ridge]")
    return chosen


def train(
    config: Config,
    run: RunDir,
    names: Sequence[str] = (),
    *,
    force: bool = False,
    verbose: bool = False,
    log_file: Path | None = None,
) -> dict[str, dict[str, Any]]:
    """Train models; what is finished is kept, and one failure does not stop the others.

    Shards that are not here are fetched from `shards.remote` first.

    Memory: one model's, since they train one after the other in processes of their own.

    Returns:
        By model name, the content of its `result.json`; `skipped` is true where it stood already,
        `fitted` names the fits that did not, and `failed_before` is the reason of an earlier
        failure, None where there is none.

    Raises:
        ConfigError: a model or a parameter that cannot be used; nothing is trained then.
        RemoteError: shards are taken from a store that cannot be used.
    """
    chosen = chosen_models(config, names)
    check_models(config)
    bring_shards(config, run)
    results = {}
    for name in chosen:
        stage = model_stage(config, run, name)
        if not force and stage.done():
            results[name] = {**stage.summary(), "skipped": True}
            continue
        stage.forget()
        if force:
            _forget_folds(run, name)
        if before := _failure(run, name):
            LOGGER.info("train %s again; it failed before: %s", name, before)
        else:
            LOGGER.info("train %s", name)
        result = train_apart(config, run, name, verbose=verbose, log_file=log_file)
        results[name] = {**result, "failed_before": before}
    return results


def finished_models(config: Config, run: RunDir, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Those of the chosen models that are trained with this very configuration.

    Raises:
        StaleDataError: there are no shards of this configuration.
    """
    open_shards(config, run)
    chosen = chosen_models(config, names)
    return tuple(name for name in chosen if model_stage(config, run, name).done())


def check_models(config: Config) -> None:
    """Resolve every configured model's preset and parameters.

    Raises:
        ConfigError: a preset, a parameter or a value that cannot be used.
        UnknownModelError: a model that the catalogue does not hold.
    """
    for entry in config.models.values():
        catalogue.resolve(catalogue.get(entry.model), entry.preset, entry.params)


def _failure(run: RunDir, name: str) -> str | None:
    """Why the last training of a model failed, if it did."""
    try:
        result = read_json(model_dir(run, name) / RESULT)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return str(result["reason"]) if result.get("status") == "failed" else None


def _forget_folds(run: RunDir, name: str) -> None:
    for card in model_dir(run, name).rglob("card.json"):
        card.unlink()
