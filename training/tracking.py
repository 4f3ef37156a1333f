"""The record of trainings in MLflow, taken from result files once the work is done."""

from __future__ import annotations

import fcntl
import logging
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from erazoo.artefacts import CARD
from erazoo.config import Config
from erazoo.logs import LOGGER
from erazoo.provenance import provenance
from erazoo.publish import fingerprint, read_json, sha256, write_json
from erazoo.rundir import RunDir
from training.job import FINAL, RESULT, model_dir
from zoo.options import dotted

if TYPE_CHECKING:
    from mlflow import MlflowClient

RECORD = "mlflow.json"
"""Beside `result.json`: where a training is logged, and what of it."""
IDENTITY = "erazoo.training"
"""The tag that tells trainings apart."""
SCORES = {"evaluate": "scores.json", "final": "final.json"}
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
}
"""Set where they are unset: nothing is told to others, and a dead server costs seconds."""


def track(config: Config, run: RunDir, names: Sequence[str]) -> None:
    """Log models' trainings and scores, each once, whatever is logged already.

    A tracking server that fails costs a warning and nothing else: the results stand in the run
    directory, and the next command logs what is missing. MLflow is imported only where there is
    something to log.
    """
    if config.tracking.mlflow == "off":
        return
    pending = [found for name in names if (found := _Training.of(config, run, name)) is not None]
    if not pending:
        return
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        _log(config, run, pending)
    except ImportError:
        LOGGER.warning("MLflow is not installed, so trainings are not logged there")


@dataclass(frozen=True)
class _Training:
    """A training whose record in MLflow lacks something."""

    name: str
    folder: Path
    result: dict[str, Any]
    identity: str
    scores: dict[str, str]
    place: tuple[str, str]
    known: dict[str, Any]

    @classmethod
    def of(cls, config: Config, run: RunDir, name: str) -> _Training | None:
        """That of a model; None where all is logged, or nothing was trained."""
        folder = model_dir(run, name)
        try:
            result, identity = read_json(folder / RESULT), sha256(folder / RESULT)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        scores = {
            kind: fingerprint(found["summary"])
            for kind, file in SCORES.items()
            if (path := run.path("evaluation", file)).is_file()
            and (found := _candidate(path, name))
        }
        place = (_uri(config, run), _experiment(config))
        known = _known(folder)
        wanted = {"uri": place[0], "experiment": place[1], "training": identity}
        if any(known.get(key) != value for key, value in wanted.items()):
            known = {}
        if known.get("scores") == scores:
            return None
        return cls(name, folder, result, identity, scores, place, known)


def _log(config: Config, run: RunDir, pending: Sequence[_Training]) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    for library in ("mlflow", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)
    uri = _uri(config, run)
    try:
        with _alone(uri):
            client = mlflow.MlflowClient(uri)
            experiment = _experiment_id(client, uri, _experiment(config))
            for training in pending:
                _log_one(client, experiment, config, run, training)
    except (MlflowException, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        LOGGER.warning(
            "MLflow at %s does not take the record of %s (%s); the results in %s stand, and the "
            "next erazoo train logs them there",
            uri,
            ", ".join(training.name for training in pending),
            reason,
            run.root,
        )


def _log_one(
    client: MlflowClient, experiment: str, config: Config, run: RunDir, training: _Training
) -> None:
    from mlflow.entities import Metric

    result = training.folder / RESULT

    def metrics(values: Mapping[str, float], step: int = 0, source: Path = result) -> list[Metric]:
        # A point is known by its time too, so that of its source lets nothing be there twice.
        time = _milliseconds(source)
        return [Metric(k, value, time, step) for k, value in values.items() if math.isfinite(value)]

    identity = training.known.get("run")
    if identity is None:
        identity = _run_of(client, experiment, training)
        found = metrics(_figures(training.result))
        for fit, history in _histories(training.result):
            for name, values in history.items():
                for step, value in enumerate(values, start=1):
                    if value is not None:
                        found += metrics({f"{fit}/{name}": value}, step)
        found += metrics(_fold_scores(training.folder))
        _send(client, identity, found)
        for key, value in _parameters(config, training.result).items():
            client.log_param(identity, key, value)
        for key, value in _tags(run, training).items():
            client.set_tag(identity, key, value)
        for file in (result, training.folder / FINAL / CARD):
            if file.is_file():
                client.log_artifact(identity, str(file))
        ok = training.result["status"] == "ok"
        client.set_terminated(identity, "FINISHED" if ok else "FAILED", _milliseconds(result))
    for kind in training.scores:
        path = run.path("evaluation", SCORES[kind])
        summary = _numbers(_candidate(path, training.name)["summary"], f"{kind}/")
        _send(client, identity, metrics(summary, source=path))
    uri, name = training.place
    write_json(
        training.folder / RECORD,
        {
            "uri": uri,
            "experiment": name,
            "run": identity,
            "training": training.identity,
            "scores": training.scores,
        },
    )


def _run_of(client: MlflowClient, experiment: str, training: _Training) -> str:
    """The run of this very training, made where there is none."""
    held = client.search_runs([experiment], f"tags.`{IDENTITY}` = '{training.identity}'")
    if held:
        return str(held[0].info.run_id)
    seconds = training.result.get("seconds", {}).get("wall", 0)
    made = client.create_run(
        experiment,
        start_time=_milliseconds(training.folder / RESULT) - round(1000 * seconds),
        tags={IDENTITY: training.identity},
        run_name=training.name,
    )
    return str(made.info.run_id)


def _send(client: MlflowClient, run: str, metrics: Sequence[Any]) -> None:
    for first in range(0, len(metrics), 1000):
        client.log_batch(run, metrics=metrics[first : first + 1000])


def _experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """The experiment of this name; artefacts of a database lie beside it."""
    held = client.get_experiment_by_name(name)
    if held is not None:
        return str(held.experiment_id)
    database = _database(uri)
    where = None if database is None else (database.parent / "mlflow-artifacts").as_uri()
    return str(client.create_experiment(name, artifact_location=where))


def _figures(result: Mapping[str, Any]) -> dict[str, float]:
    """Times and memory of a training, and what each fold found best."""
    found = {f"seconds/{k}": float(v) for k, v in result.get("seconds", {}).items()}
    if memory := result.get("peak_memory_mb"):
        found["peak_memory_mb"] = float(memory)
    for fold in result.get("folds", []):
        for name in ("best_epoch", "best_value", "seconds"):
            if fold.get(name) is not None:
                found[f"{fold['name']}/{name}"] = float(fold[name])
        found |= _numbers(fold.get("train") or {}, f"{fold['name']}/train/")
    return found


def _histories(result: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, list[Any]]]]:
    """The curves of each fit, by fold, or by fold and member where there are several."""
    for fold in result.get("folds", []):
        yield fold["name"], fold.get("history", {})
        for member in fold.get("members", []):
            yield f"{fold['name']}/{member['member']}", member.get("history", {})


def _fold_scores(folder: Path) -> dict[str, float]:
    """CORR of each fold's predictions, from the card of its model."""
    found: dict[str, float] = {}
    for card in sorted(folder.glob(f"folds/*/{CARD}")):
        scores = read_json(card).get("scores") or {}
        found |= _numbers(scores, f"{card.parent.name}/")
    return found


def _parameters(config: Config, result: Mapping[str, Any]) -> dict[str, str]:
    """What was trained and how, as text."""
    training = config.training.model_dump(mode="json") if result.get("family") == "keras" else {}
    values = {"params": result.get("params", {}), "training": training}
    facts = {
        "model": result["model"],
        "preset": result.get("preset", ""),
        "target": config.data.target,
        "seed": config.run.seed,
    }
    return {key: str(value)[:6000] for key, value in dotted({**facts, **values}).items()}


def _tags(run: RunDir, training: _Training) -> dict[str, str]:
    made_by = provenance()
    tags = {
        "family": training.result.get("family", ""),
        "run_dir": str(run.root.resolve()),
        "version": made_by["erazoo"],
        "commit": made_by["commit"] or "",
        "python": made_by["python"],
        "platform": made_by["platform"],
        **{f"library.{name}": version for name, version in made_by["libraries"].items()},
    }
    if reason := training.result.get("reason"):
        tags["reason"] = str(reason)
    if (report := run.path("report.html")).is_file():
        tags["report"] = str(report.resolve())
    return {f"erazoo.{key}": value for key, value in tags.items()}


def _numbers(values: Mapping[str, Any], prefix: str) -> dict[str, float]:
    """The numbers among nested values."""
    return {
        prefix + key: float(value)
        for key, value in dotted(values).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _candidate(path: Path, name: str) -> dict[str, Any]:
    return dict(read_json(path)["candidates"].get(name, {}))


def _milliseconds(path: Path) -> int:
    return int(path.stat().st_mtime * 1000)


def _known(folder: Path) -> dict[str, Any]:
    try:
        return dict(read_json(folder / RECORD))
    except (FileNotFoundError, ValueError):
        return {}


def _experiment(config: Config) -> str:
    return config.tracking.experiment or config.run.name


def _uri(config: Config, run: RunDir) -> str:
    if config.tracking.mlflow != "auto":
        return config.tracking.mlflow
    return f"sqlite:///{run.root.resolve().parent / 'mlflow.db'}"


def _database(uri: str) -> Path | None:
    """The file of a database here, None of a server."""
    scheme, _, path = uri.partition(":///")
    return Path(path).resolve() if scheme == "sqlite" else None


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """One process at a time makes and fills a database; a server minds itself."""
    database = _database(uri)
    if database is None:
        yield
        return
    with database.with_name(f".{database.name}.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
