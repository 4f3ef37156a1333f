"""`erazoo evaluate`: the scores of a run's own models and ensemble, in one pass over the labels."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.config import Config
from erazoo.errors import ConfigError, DataError, LeakageError
from erazoo.folds import FoldPlan
from erazoo.publish import fingerprint, read_json, sha256, write_json
from erazoo.rundir import RunDir, Stage
from etl.build import content_of, open_shards
from etl.shards import ShardSet
from etl.source import data_folder
from training.assessment import FORMAT, Board, Candidate, Question, assess
from training.feature_pass import choose_features
from training.held_out import candidates_opened, record_opening
from training.in_sample import train_summary
from training.job import RESULT, model_dir, model_stage
from training.payouts import Payouts
from training.prediction_files import read_prediction_file
from training.predictions import prediction_facts
from training.standards import (
    Roles,
    achievable,
    feature_note,
    limits_of,
    near_training,
    reach_of,
    reference_roles,
)
from training.truth import Truth

BLENDS = (("ensemble",), ("ensemble", "unique"))
"""Folders of the standard and the unique ensemble."""
SCORES = {"out_of_fold": "scores.json", "held_out": "final.json"}


def evaluate(
    config: Config, run: RunDir, *, final: bool = False, force: bool = False
) -> dict[str, Any]:
    """Score the models and ensemble of a run beside its benchmarks and its meta model.

    Args:
        config: the experiment.
        run: its run directory.
        final: score the held-out eras instead; each opening is recorded in
            `evaluation/openings.json` before the first score of it is taken.
        force: score again what is scored already.

    Memory: ids (eight bytes), labels and a float32 column a candidate of the scored eras, and one
    era of features.

    Returns:
        The content of `evaluation/scores.json` (`final.json` with `final`).

    Raises:
        DataError: there is nothing to score.
    """
    kind = "held_out" if final else "out_of_fold"
    shards, plan = open_shards(config, run)
    files, missing = prediction_files(config, run, kind)
    stage, out = _stage(config, run, kind, files), run.path("evaluation", SCORES[kind])
    if not force and stage.done():
        return {**read_json(out), "missing": missing, "skipped": True}
    begun = time.monotonic()
    _drop_stale_final(config, run)
    result = {
        **_scores(config, run, shards, plan, files, kind),
        "missing": missing,
        "made_from": fingerprint(_sources(run, files)),
    }
    stage.forget()
    write_json(out, result)
    stage.finish([out], _brief(result), time.monotonic() - begun)
    return result


def scores_stand(config: Config, run: RunDir, *, final: bool = False) -> bool:
    """Whether the present predictions are scored already.

    Raises:
        StaleDataError: there are no shards of this configuration.
    """
    kind = "held_out" if final else "out_of_fold"
    open_shards(config, run)
    files, _ = prediction_files(config, run, kind)
    return _stage(config, run, kind, files).done()


def prediction_files(config: Config, run: RunDir, kind: str) -> tuple[list[Path], dict[str, str]]:
    """The prediction files that this very configuration made, models first and ensembles last.

    Returns:
        The files, and by name why an enabled model has none.
    """
    files, missing = [], {}
    for name, entry in config.models.items():
        if not entry.enabled:
            continue
        path = model_dir(run, name) / f"{kind}.parquet"
        if model_stage(config, run, name).done() and path.is_file():
            files.append(path)
        else:
            missing[name] = _why_missing(path)
    blends = [run.path(*parts, f"{kind}.parquet") for parts in BLENDS]
    current = [path for path in blends if path.is_file() and _is_current(config, path, files)]
    return [*files, *current], missing


def source_print(files: Sequence[Path]) -> str:
    """What a blend of prediction files was made from, as it is recorded in the blend."""
    return fingerprint([sha256(path) for path in files])


def _is_current(config: Config, blend: Path, files: Sequence[Path]) -> bool:
    """Whether a blend was made from the configured members' present predictions."""
    members = config.ensemble.members or tuple(path.parent.name for path in files)
    sources = [path for name in members for path in files if path.parent.name == name]
    sources += [Path(text).with_name(blend.name) for text in config.ensemble.files]
    facts = prediction_facts(blend)
    same = facts.get("members") == ",".join(members) and all(path.is_file() for path in sources)
    return same and facts.get("sources") == source_print(sources)


def _why_missing(path: Path) -> str:
    result = _model_result(path)
    if result["status"] == "failed":
        return str(result["reason"])
    return "not trained with this configuration; run `erazoo train`"


def _stage(config: Config, run: RunDir, kind: str, files: Sequence[Path]) -> Stage:
    terms = Path(config.evaluate.terms)
    inputs = {
        **_sources(run, files),
        "format": FORMAT,
        "terms": sha256(terms) if config.evaluate.terms and terms.is_file() else None,
    }
    settings = {
        "references": [config.data.meta_model, config.data.benchmark],
        "evaluate": config.evaluate.model_dump(mode="json"),
    }
    return run.stage(f"evaluate-{kind}", settings, inputs)


def _sources(run: RunDir, files: Sequence[Path]) -> dict[str, Any]:
    """What scores are of: predictions, data and folds."""
    return {
        "files": {str(f.relative_to(run.root)): sha256(f) for f in files},
        "shards": content_of(run),
        "folds": sha256(run.path("folds.json")),
    }


def _drop_stale_final(config: Config, run: RunDir) -> None:
    """Scores on the held-out eras are not shown beside other models than those they are of."""
    path = run.path("evaluation", SCORES["held_out"])
    files, _ = prediction_files(config, run, "held_out")
    if path.is_file() and read_json(path).get("made_from") != fingerprint(_sources(run, files)):
        path.unlink()


def _scores(
    config: Config,
    run: RunDir,
    shards: ShardSet,
    plan: FoldPlan,
    files: Sequence[Path],
    kind: str,
) -> dict[str, Any]:
    if not files:
        raise DataError(
            "there are no predictions of this configuration to score",
            received=str(run.root),
            hint="Run `erazoo train`",
        )
    eras = scored_eras(plan, kind)
    target = config.evaluate.target or plan.target
    shards.target_index(target)
    roles = reference_roles(config, shards.references)
    reach = reach_of(config, target, plan, shards)
    choice = choose_features(shards.spec, config.evaluate.features)
    question = Question(
        kind=kind,
        target=target,
        label_eras=reach,
        meta_model=roles.meta_model,
        benchmark=roles.benchmark,
        choice=choice,
        near=near_training(plan, max(reach, plan.label_eras), held_out=kind == "held_out"),
        trials=config.evaluate.trials or 0,
        limits=limits_of(config, data_folder(config, run)),
        payouts=Payouts.of(config, target, reach, roles),
        alarms=(*feature_note(choice), *roles.note()),
    )
    if kind == "held_out":
        question = _opened(run, question, files, eras)
    truth = Truth.read(shards, eras, target, roles.names)
    board = Board(truth, len(files))
    for path in files:
        board.add(
            _candidate(run, path, kind, roles, trained_on=plan.target == target),
            _values(path, kind, truth),
        )
    board.add_references(roles.meta_model)
    result = assess(board, question, shards)
    return {**result, "achievable": achievable(data_folder(config, run), target, result["eras"])}


def _opened(
    run: RunDir, question: Question, files: Sequence[Path], eras: Sequence[str]
) -> Question:
    """The question, once it is written down that the held-out eras are opened for it."""
    candidates = {prediction_facts(path)["name"]: sha256(path) for path in files}
    openings = record_opening(run, candidates, eras, "run")
    return replace(question, trials=max(question.trials, candidates_opened(openings)))


def scored_eras(plan: FoldPlan, kind: str) -> tuple[str, ...]:
    """The eras that predictions of a kind are scored on: validated ones, or those held out.

    Raises:
        ConfigError: no eras are held out.
    """
    if kind == "held_out":
        if plan.held_out is None:
            raise ConfigError("this experiment holds out no eras", hint="Set split.held_out")
        return plan.held_out.validation
    scored = {era for fold in plan.development for era in fold.validation}
    return tuple(era for era in plan.axis if era in scored)


def _values(path: Path, kind: str, truth: Truth) -> NDArray[np.float32]:
    held = prediction_facts(path)["kind"]
    if held != kind:
        raise LeakageError(
            f"{path} holds predictions of another origin", received=held, expected=kind
        )
    file = read_prediction_file(path)
    values: NDArray[np.float32] = file.values["prediction"]
    return truth.aligned(file.digests, values)


def _candidate(run: RunDir, path: Path, kind: str, roles: Roles, *, trained_on: bool) -> Candidate:
    name = prediction_facts(path)["name"]
    if path.parent in [run.path(*parts) for parts in BLENDS]:
        return Candidate(name, "ensemble", "ensemble", ranks=True)
    result = _model_result(path)
    scored = [
        fold for fold in result["folds"] if (fold["name"] == "held_out") == (kind == "held_out")
    ]
    references = {"mmc": roles.meta_model, "bmc": roles.benchmark}
    train = train_summary(scored, references) if trained_on else None
    blended = any(fold.get("members") for fold in result["folds"])
    return Candidate(name, "model", result["family"], result["seconds"], train, ranks=blended)


def _model_result(path: Path) -> dict[str, Any]:
    try:
        return dict(read_json(path.parent / RESULT))
    except FileNotFoundError:
        return {"status": "unfinished"}


def _brief(result: Mapping[str, Any]) -> dict[str, Any]:
    means = {name: c["summary"]["corr"]["mean"] for name, c in result["candidates"].items()}
    return {"eras": len(result["eras"]), "corr": means}
