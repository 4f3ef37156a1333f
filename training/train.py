"""`erazoo train`: every chosen model through all folds, one process each or spread by fits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from erazoo.artefacts import CARD
from erazoo.config import Config
from erazoo.errors import ConfigError
from erazoo.logs import LOGGER
from erazoo.near import nearest
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.build import bring_shards, open_shards
from training.fit import BEGUN
from training.job import RESULT, Job, model_dir, model_stage
from training.process import failure, train_apart
from training.progress import live_progress
from training.spread import Failure, spread_fits, spreads
from training.tracking import track
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

    Models train one after the other in processes of their own, those that read another's encoder
    last, or (see `training.spread`) all their fits on the engine, after which such a process only
    gathers them.

    What was trained is logged to MLflow, see `training.tracking`.

    Memory: one model's, or that of the fits that run at once.

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
    jobs = [Job.of(config, run, name) for name in chosen]
    chosen = tuple(job.name for job in sorted(jobs, key=lambda job: job.waits))
    if force:
        for name in chosen:
            forget_model(config, run, name)
    with live_progress(run.path("models")):
        results = _results(config, run, chosen, verbose=verbose, log_file=log_file)
    track(config, run, chosen)
    return results


def _results(
    config: Config, run: RunDir, chosen: Sequence[str], *, verbose: bool, log_file: Path | None
) -> dict[str, dict[str, Any]]:
    """Train what is not trained, model by model."""
    failures = _spread(config, run, chosen) if spreads(config.engine) else {}
    results: dict[str, dict[str, Any]] = {}
    for name in chosen:
        stage = model_stage(config, run, name)
        if stage.done():
            results[name] = {**stage.summary(), "skipped": True}
            continue
        stage.forget()
        if before := _failure(run, name):
            LOGGER.info("train %s again; it failed before: %s", name, before)
        else:
            LOGGER.info("train %s", name)
        if failed := failures.get(name):
            result = failure(config, run, name, failed.reason, failed.exit_code)
        else:
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


def forget_model(config: Config, run: RunDir, name: str) -> None:
    """Make a model's stage and fits unfinished, so that all are done again."""
    model_stage(config, run, name).forget()
    for mark in (CARD, BEGUN):
        for path in model_dir(run, name).rglob(mark):
            path.unlink()


def _spread(config: Config, run: RunDir, names: Sequence[str]) -> dict[str, Failure]:
    """Run what is missing on the engine; what reads another's encoder may be, once that is new."""
    missing = [n for n in names if not model_stage(config, run, n).done()]
    reading = [n for n in names if n not in missing and Job.of(config, run, n).waits]
    return spread_fits(config, run, [*missing, *reading]) if missing else {}
