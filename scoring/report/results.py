"""What a run directory holds for its report: every result file that is there, typed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from erazoo.errors import ArtifactError
from erazoo.folds import FoldPlan
from erazoo.publish import read_json
from scoring.report.importance import KINDS, Importance, Worth
from scoring.report.scores import Scores, parse_scores, read_seconds
from scoring.report.studies import LOOK_AGAIN, RECORD, Mining, parse_mining
from scoring.report.trials import Trials, parse_trials

T = TypeVar("T")
SCORE_AGAIN, OPEN_AGAIN = "Run `erazoo evaluate` again", "Run `erazoo evaluate --final` again"
AGAIN = "Run the verb that writes it again with --force"


@dataclass(frozen=True)
class StageRecord:
    """One finished stage: name, wall time, end (ISO, UTC), reported facts, and what made it."""

    name: str
    seconds: float
    finished: str
    summary: Mapping[str, Any]
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DataFacts:
    """The shard set: counts, names, fingerprints of its rows and features.

    `eras` holds (era, split, rows, rows with a target by target) in era order.
    """

    rows: int
    features: int
    groups: Mapping[str, int]
    targets: tuple[str, ...]
    references: tuple[str, ...]
    bytes: int
    eras: tuple[tuple[str, str, int, Mapping[str, int]], ...]
    content: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class FitRecord:
    """One fit: its fold, its curves (a value an epoch by metric) and its best epoch, from 1."""

    name: str
    history: Mapping[str, tuple[float | None, ...]]
    best_epoch: int | None


@dataclass(frozen=True)
class ModelRun:
    """What training recorded of one model; `reason` says why a failed one failed."""

    name: str
    family: str
    preset: str
    failed: bool
    reason: str
    seconds: Mapping[str, float]
    memory_mb: float | None
    fits: tuple[FitRecord, ...] = ()


@dataclass(frozen=True)
class RunResults:
    """Everything a report can show; None or empty where a file is not there.

    Args:
        root: the run directory.
        config: the resolved configuration.
        stages: finished stages in the order of their end.
        data: the shard set.
        folds: the fold plan.
        models: training records by name.
        scores: out-of-fold scores.
        final: scores on the held-out eras, once these were opened, on the target of `scores`.
        final_apart: the target that held-out eras were scored on, where it is another one.
        trials: of a search.
        openings: how often the held-out eras were opened.
        ensemble: the ensemble's recipe.
        methods: every way to combine its members, on later eras.
        unique: both versions of the ensemble in figures.
        meta: the walk of the meta-learner.
        grid: the models by feature set and group.
        mining: what studies of mining found, by name.
        walk: models and weights that learn as eras are resolved, lived through.
        demo: the facts of generated data.
        importance: what features are worth, by model.
    """

    root: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    stages: tuple[StageRecord, ...] = ()
    data: DataFacts | None = None
    folds: FoldPlan | None = None
    models: tuple[ModelRun, ...] = ()
    scores: Scores | None = None
    final: Scores | None = None
    final_apart: str = ""
    trials: Trials | None = None
    openings: int = 0
    ensemble: Mapping[str, Any] | None = None
    methods: Mapping[str, Any] | None = None
    unique: Mapping[str, Any] | None = None
    meta: Mapping[str, Any] | None = None
    grid: Mapping[str, Any] | None = None
    walk: Mapping[str, Any] | None = None
    mining: Mapping[str, Mining] = field(default_factory=dict)
    demo: Mapping[str, Any] | None = None
    importance: Mapping[str, Importance] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The experiment's name, else the folder's."""
        return str(self.config.get("run", {}).get("name") or self.root.resolve().name)

    @property
    def made_by(self) -> tuple[Mapping[str, Any], ...]:
        """What made the stages, each different one once, the newest last."""
        made = [stage.provenance for stage in self.stages if stage.provenance]
        return tuple(one for k, one in enumerate(made) if one not in made[k + 1 :])

    @property
    def source(self) -> str:
        """Where the data came from: `demo`, `numerai`, `prices` or empty."""
        return str(self.config.get("data", {}).get("source", ""))


def read_results(root: Path) -> RunResults:
    """Read the result files of a run directory.

    Raises:
        ArtifactError: a file is damaged.
    """
    config = read_result(root / "config.json", dict) or {}
    folder = config.get("data", {}).get("dir", "")
    data = Path(folder) if folder else root / "data"
    records = [path for base in (data, root) for path in sorted((base / "stages").glob("*.json"))]
    stages = _read_all(records, _stage)
    scores = read_result(root / "evaluation" / "scores.json", parse_scores, SCORE_AGAIN)
    final = read_result(root / "evaluation" / "final.json", parse_scores, OPEN_AGAIN)
    comparable = final is None or scores is None or final.target == scores.target
    return RunResults(
        root=root,
        config=config,
        stages=tuple(sorted(stages, key=lambda stage: stage.finished)),
        data=read_result(root / "shards" / "manifest.json", _data),
        folds=read_result(root / "folds.json", FoldPlan.from_json),
        models=_read_all(sorted((root / "models").glob("*/result.json")), _model),
        scores=scores,
        final=final if comparable else None,
        final_apart="" if final is None or comparable else final.target,
        trials=read_result(root / "trials.json", parse_trials),
        openings=read_result(root / "evaluation" / "openings.json", len) or 0,
        ensemble=read_result(root / "ensemble" / "ensemble.json", dict),
        methods=read_result(root / "ensemble" / "methods.json", dict),
        unique=read_result(root / "ensemble" / "unique" / "unique.json", dict),
        meta=read_result(root / "ensemble" / "meta" / "walk.json", dict),
        grid=read_result(root / "ensemble" / "grid.json", dict),
        walk=_walk(root / "ensemble" / "walk"),
        mining=_mining(root / "mine"),
        demo=read_result(data / "demo.json", dict),
        importance={
            path.parent.name: found
            for path in sorted((root / "models").glob("*/importance.json"))
            if (found := read_result(path, _importance)) is not None
        },
    )


def read_result(path: Path, parse: Callable[[Any], T], hint: str = AGAIN) -> T | None:
    """A result file, parsed; None where it is not there.

    Raises:
        ArtifactError: it is damaged.
    """
    if not path.is_file():
        return None
    try:
        return parse(read_json(path))
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}", hint=hint) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            "a result file is damaged",
            received=f"{path} ({type(error).__name__}: {error})",
            hint=hint,
        ) from None


def _mining(folder: Path) -> Mapping[str, Mining]:
    """The record of each study, by its name."""
    paths = sorted(folder.glob(f"*/{RECORD}"))
    found = {path.parent.name: read_result(path, parse_mining, LOOK_AGAIN) for path in paths}
    return {name: one for name, one in found.items() if one is not None}


def _walk(folder: Path) -> Mapping[str, Any] | None:
    """The record of a walk with the weights beside it."""
    record = read_result(folder / "walk.json", dict)
    weights = read_result(folder / "weights.json", dict)
    return None if record is None or weights is None else {**record, "weights": weights["weights"]}


def _read_all(paths: Sequence[Path], parse: Callable[[Any], T]) -> tuple[T, ...]:
    return tuple(value for path in paths if (value := read_result(path, parse)) is not None)


def _stage(value: Any) -> StageRecord:
    return StageRecord(
        value["stage"],
        float(value["seconds"]),
        value["finished"],
        value.get("summary") or {},
        value.get("provenance") or {},
    )


def _data(value: Any) -> DataFacts:
    spec = value.get("spec") or {}
    eras = tuple(
        (era, entry.get("split", ""), int(entry["rows"]), entry.get("resolved") or {})
        for era, entry in (value.get("eras") or {}).items()
    )
    return DataFacts(
        rows=int(value.get("rows") or sum(rows for _, _, rows, _ in eras)),
        features=len(spec.get("names") or ()),
        groups={group: len(names) for group, names in (spec.get("groups") or {}).items()},
        targets=tuple(value.get("targets") or ()),
        references=tuple(value.get("references") or ()),
        bytes=sum(int(entry.get("bytes") or 0) for entry in value.get("files") or ()),
        eras=eras,
        content=str(value.get("content") or ""),
        fingerprint=str(spec.get("fingerprint") or ""),
    )


def _importance(value: Any) -> Importance:
    """The most worth first; what has no value comes last."""
    return {
        measure: {
            kind: tuple(sorted(map(_worth, (found.get(kind) or {}).items()), key=_falling))
            for kind in KINDS
        }
        for measure, found in value.items()
    }


def _worth(item: tuple[str, Any]) -> Worth:
    name, value = item
    if isinstance(value, Mapping):
        mean, error = value["corr"], value["error"]
        return Worth(name, math.nan if mean is None else float(mean), error)
    return Worth(name, float(value))


def _falling(worth: Worth) -> float:
    return math.inf if math.isnan(worth.value) else -worth.value


def _model(value: Any) -> ModelRun:
    memory = value.get("peak_memory_mb")
    return ModelRun(
        name=value["name"],
        family=value.get("family") or "",
        preset=value.get("preset") or "",
        failed=value["status"] != "ok",
        reason=value.get("reason") or "",
        seconds=read_seconds(value),
        memory_mb=None if memory is None else float(memory),
        fits=tuple(
            FitRecord(
                fold["name"],
                {k: tuple(v) for k, v in (fold.get("history") or {}).items()},
                fold.get("best_epoch"),
            )
            for fold in value.get("folds") or ()
        ),
    )
