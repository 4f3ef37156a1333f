"""What a run directory holds for its report: every result file that is there, typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from erazoo.errors import ArtifactError
from erazoo.folds import FoldPlan
from erazoo.publish import read_json
from scoring.summary import Summary

T = TypeVar("T")
AGAIN = "Run the verb that writes it again with --force"
ENSEMBLE, MODEL, BENCHMARK, META_MODEL = "ensemble", "model", "benchmark", "meta_model"


@dataclass(frozen=True)
class StageRecord:
    """One finished stage: its name, wall time, end (ISO, UTC) and the facts that it reported."""

    name: str
    seconds: float
    finished: str
    summary: Mapping[str, Any]


@dataclass(frozen=True)
class DataFacts:
    """The shard set: counts, names, and (era, split, rows, rows with a target) in era order."""

    rows: int
    features: int
    groups: Mapping[str, int]
    targets: tuple[str, ...]
    references: tuple[str, ...]
    bytes: int
    eras: tuple[tuple[str, str, int, Mapping[str, int]], ...]


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


@dataclass(frozen=True)
class Candidate:
    """Scores of one candidate; a metric that was not taken is absent from the mappings."""

    name: str
    kind: str
    family: str
    rows: int | None
    per_era: Mapping[str, tuple[float | None, ...]]
    summaries: Mapping[str, Summary]
    seconds: Mapping[str, float]

    @property
    def corr(self) -> Summary:
        """The summary of CORR."""
        return self.summaries["corr"]


@dataclass(frozen=True)
class Scores:
    """All scores of a run, candidates in the order of their mean CORR, best first."""

    target: str
    benchmark: str | None
    meta_model: str | None
    kind: str
    eras: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    names: tuple[str, ...]
    correlation: tuple[tuple[float | None, ...], ...]
    achievable: float | None
    distribution: tuple[tuple[str, int], ...]

    def of_kind(self, kind: str) -> tuple[Candidate, ...]:
        """The candidates of one kind, best first."""
        return tuple(c for c in self.candidates if c.kind == kind)


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
        final: scores on the held-out eras, once these were opened.
        openings: how often the held-out eras were opened.
        ensemble: the ensemble's recipe.
        demo: the facts of generated data.
    """

    root: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    stages: tuple[StageRecord, ...] = ()
    data: DataFacts | None = None
    folds: FoldPlan | None = None
    models: tuple[ModelRun, ...] = ()
    scores: Scores | None = None
    final: Scores | None = None
    openings: int = 0
    ensemble: Mapping[str, Any] | None = None
    demo: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The experiment's name, else the folder's."""
        return str(self.config.get("run", {}).get("name") or self.root.resolve().name)

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
    return RunResults(
        root=root,
        config=config,
        stages=tuple(sorted(stages, key=lambda stage: stage.finished)),
        data=read_result(root / "shards" / "manifest.json", _data),
        folds=read_result(root / "folds.json", FoldPlan.from_json),
        models=_read_all(sorted((root / "models").glob("*/result.json")), _model),
        scores=read_result(root / "evaluation" / "scores.json", _scores),
        final=read_result(root / "evaluation" / "final.json", _scores),
        openings=read_result(root / "evaluation" / "openings.json", len) or 0,
        ensemble=read_result(root / "ensemble" / "ensemble.json", dict),
        demo=read_result(data / "demo.json", dict),
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
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            "a result file is damaged",
            received=f"{path} ({type(error).__name__}: {error})",
            hint=hint,
        ) from None


def _read_all(paths: Sequence[Path], parse: Callable[[Any], T]) -> tuple[T, ...]:
    return tuple(value for path in paths if (value := read_result(path, parse)) is not None)


def _stage(value: Any) -> StageRecord:
    return StageRecord(
        value["stage"], float(value["seconds"]), value["finished"], value.get("summary") or {}
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
    )


def _model(value: Any) -> ModelRun:
    memory = value.get("peak_memory_mb")
    return ModelRun(
        name=value["name"],
        family=value.get("family") or "",
        preset=value.get("preset") or "",
        failed=value["status"] != "ok",
        reason=value.get("reason") or "",
        seconds=_seconds(value),
        memory_mb=None if memory is None else float(memory),
    )


def _scores(value: Any) -> Scores:
    matrix = value.get("correlation") or {"names": [], "matrix": []}
    achievable = (value.get("achievable") or {}).get("corr")
    candidates = [_candidate(name, entry) for name, entry in value["candidates"].items()]
    return Scores(
        target=value["target"],
        benchmark=value.get("benchmark"),
        meta_model=value.get("meta_model"),
        kind=value["kind"],
        eras=tuple(value["eras"]),
        candidates=tuple(sorted(candidates, key=_place)),
        names=tuple(matrix["names"]),
        correlation=tuple(tuple(row) for row in matrix["matrix"]),
        achievable=None if achievable is None else float(achievable),
        distribution=tuple(
            (str(label), int(rows)) for label, rows in value.get("target_distribution") or ()
        ),
    )


def _candidate(name: str, value: Any) -> Candidate:
    per_era, summaries = value["per_era"], value["summary"]
    return Candidate(
        name=name,
        kind=value["kind"],
        family=value.get("family") or "",
        rows=value.get("rows"),
        per_era={metric: tuple(v) for metric, v in per_era.items() if v is not None},
        summaries={
            metric: Summary.from_json(v) for metric, v in summaries.items() if v is not None
        },
        seconds=_seconds(value),
    )


def _seconds(value: Any) -> dict[str, float]:
    seconds = value.get("seconds") or {}
    return {name: float(v) for name, v in seconds.items() if v is not None}


def _place(candidate: Candidate) -> tuple[bool, float]:
    mean = candidate.corr.mean
    return (mean != mean, -mean)
