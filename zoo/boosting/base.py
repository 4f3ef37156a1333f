"""Boosted trees of any library: stages of trees, watched eras, era weights, going on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ArtifactError, ConfigError
from erazoo.panel import FeatureSpec
from erazoo.publish import read_json, write_json
from etl.shards import ShardSet
from etl.shards.rows import ShardRows
from zoo.boosting.device import gpu_of
from zoo.boosting.emphasis import by_age, by_score, of_rows
from zoo.boosting.goal import Goal
from zoo.boosting.params import BoostingParams
from zoo.boosting.rows import LabelledRows
from zoo.boosting.watch import Watch
from zoo.estimator import Course, Fit, not_fitted, nothing_to_learn

FACTS = "boosting.json"
P = TypeVar("P", bound=BoostingParams)


@dataclass(frozen=True)
class GrowTask:
    """What a library is given to grow trees.

    Args:
        fitted: the rows that are learned.
        watched: those that say when to stop, None where nothing is watched.
        goal: what is learned.
        seed: of everything random.
        threads: at most.
        gpu: the number of the GPU, None for the CPU.
    """

    fitted: LabelledRows
    watched: LabelledRows | None
    goal: Goal
    seed: int
    threads: int
    gpu: int | None


class Grower(Protocol):
    """Binned rows of one library, on which stage after stage of trees is grown."""

    def grow(
        self, trees: int, stage: int, eras: NDArray[np.float64] | None, watch: Watch | None
    ) -> Any:
        """Grow a stage on top of the earlier ones, until it is full or the watch is over.

        Args:
            trees: at most.
            stage: its number from 0; its seed is counted up by it.
            eras: the weight of each era (E,), None where all count alike.
            watch: notes each tree, None where nothing is watched.

        Returns:
            The library's model of these trees alone.
        """

    def margins(self) -> NDArray[np.float64]:
        """What all trees so far sum up to on the fitted rows, (n,) or (n, classes)."""


class Boosting(ABC, Generic[P]):
    """Boosted trees on raw features.

    A model is one stage of trees or several, whose sums add up: a fit that goes on from another
    adds stages to it, and so does each look at the eras (`params.emphasis`). Missing values are the
    library's own matter.
    """

    library: ClassVar[str]
    suffix: ClassVar[str]

    def __init__(self, params: P, spec: FeatureSpec) -> None:
        self.params, self.spec = params, spec
        self.goal: Goal | None = None
        self.stages: list[Any] = []

    def fit(self, data: ShardSet, fit: Fit) -> Course | None:
        """Bin the rows once and grow the trees; equal seeds give equal trees on a CPU.

        Returns:
            The watched eras' mean CORR tree by tree, where `fit.watched` are given.

        Raises:
            TrainingError: no row has a resolved target, or no watched era has a CORR.
            ConfigError: a target, weights or a device that this model cannot take.
        """
        rows = data.numbered(fit.eras, fit.target)
        if not len(rows):
            raise nothing_to_learn(fit.target)
        gpu = gpu_of(self.library, self.params.device, fit.device, self.no_gpu)
        earlier = self._start(fit.start)
        goal = self.goal = self.goal or Goal.of(self.params.kind, rows.labels)
        fitted, watched = self._labelled(rows, goal), self._watched(data, fit, goal)
        patience = self.params.early_stopping
        watch = None if watched is None else Watch(watched.rows.labels, watched.slices, patience)
        task = GrowTask(fitted, watched, goal, fit.seed, fit.threads, gpu)
        self._grow(data, task, fit.length or self.params.n_estimators, watch)
        if watch is None:
            return None
        course = watch.course()
        self._keep(earlier, watch.best)
        return course

    def predict(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (rows,)."""
        if self.goal is None:
            raise not_fitted()
        return self.goal.predicted(self._sum(features))

    def save(self, folder: Path) -> None:
        """Write each stage in the library's own format, and what they learned."""
        if self.goal is None:
            raise not_fitted()
        facts = {"kind": self.goal.kind, "values": self.goal.values, "stages": len(self.stages)}
        for path, stage in zip(self._files(folder, len(self.stages)), self.stages, strict=True):
            self.write(stage, path)
        write_json(folder / FACTS, facts)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            ArtifactError: a file is missing or damaged.
        """
        self._read(folder)

    def contributions(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """SHAP values (rows, F + 1) of the predictions, the last column the expected one.

        Those of the library (TreeSHAP: Lundberg et al. 2020); a row sums up to its prediction. The
        expected value of classes is no sum of trees: there a row sums up to its prediction to first
        order in the classes' scores (`Goal.first_order`).

        Raises:
            ConfigError: options for which the library has no such values, or wrong ones.
        """
        if self.goal is None:
            raise not_fitted()
        if obstacle := self.no_contributions():
            raise ConfigError(f"{self.library} has no SHAP values of this model", hint=obstacle)
        shape = (len(features), self.goal.columns, len(self.spec.names) + 1)
        total = np.zeros(shape)
        for stage in self.stages:
            total += self.stage_contributions(stage, features).reshape(shape)
        return self.goal.first_order(total) if self.goal.columns > 1 else total[:, 0]

    def gain(self) -> NDArray[np.float64]:
        """What splits on each feature gained, (F,), summed over the trees; all of it is 1."""
        if self.goal is None:
            raise not_fitted()
        total = self.summed_gain()
        return total / total.sum() if total.sum() > 0 else total

    def summed_gain(self) -> NDArray[np.float64]:
        """What splits on each feature gained in all stages, (F,)."""
        parts = [self.stage_gain(stage) for stage in self.stages]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)

    def no_contributions(self) -> str:
        """Why there are no SHAP values of a model with these options; empty where there are."""
        return ""

    @abstractmethod
    def no_gpu(self) -> str:
        """Why the library cannot use a GPU that is there; empty where it can."""

    @abstractmethod
    def grower(self, task: GrowTask) -> Grower:
        """The binned rows."""

    @abstractmethod
    def sum_of(self, stage: Any, features: NDArray[Any]) -> NDArray[np.float64]:
        """What a stage's trees sum up to, (rows,) or (rows, classes)."""

    @abstractmethod
    def trees(self, stage: Any) -> int:
        """How many trees (of one class) a stage has."""

    @abstractmethod
    def first(self, stage: Any, trees: int) -> Any:
        """A stage's first trees alone."""

    @abstractmethod
    def write(self, stage: Any, path: Path) -> None:
        """Write a stage in the library's format, by `erazoo.publish`."""

    @abstractmethod
    def read(self, path: Path) -> Any:
        """Read a stage."""

    @abstractmethod
    def error(self) -> type[Exception]:
        """What the library raises on a damaged file."""

    @abstractmethod
    def stage_contributions(self, stage: Any, features: NDArray[Any]) -> NDArray[np.float64]:
        """A stage's SHAP values (rows, F + 1), of classes one after the other."""

    @abstractmethod
    def stage_gain(self, stage: Any) -> NDArray[np.float64]:
        """A stage's gain by feature, (F,)."""

    def _grow(self, data: ShardSet, task: GrowTask, total: int, watch: Watch | None) -> None:
        grower, options = self.grower(task), self.params.emphasis
        eras = None
        if options.by == "age":
            eras = by_age(data.axis, task.fitted.slices.labels, options.half_life)
        before = len(self.stages)
        for number, trees in enumerate(_lengths(total, options.every if options.looks else total)):
            if number:
                predictions = task.goal.predicted(grower.margins())
                labels, slices = task.fitted.rows.labels, task.fitted.slices
                eras = by_score(options, predictions, labels, slices)
            self.stages.append(grower.grow(trees, before + number, eras, watch))
            if watch is not None and watch.over:
                return

    def _keep(self, earlier: int, best: int) -> None:
        """Cut the new stages back to their first `best` trees."""
        kept, left = self.stages[:earlier], best
        for stage in self.stages[earlier:]:
            count = self.trees(stage)
            if left > 0:
                kept.append(stage if left >= count else self.first(stage, left))
            left -= count
        self.stages = kept

    def _read(self, folder: Path) -> Goal:
        try:
            facts = read_json(folder / FACTS)
            goal = self.goal = Goal(facts["kind"], tuple(facts["values"]))
            self.stages = [self.read(path) for path in self._files(folder, facts["stages"])]
        except (OSError, ValueError, KeyError, self.error()) as error:
            raise ArtifactError(
                f"a saved {self.library} model cannot be read",
                received=f"{folder} ({str(error).splitlines()[0]})",
                hint="Train the model again",
            ) from error
        return goal

    def _start(self, folder: Path | None) -> int:
        """Load the model that the fit goes on from; how many stages it has."""
        self.goal, self.stages = None, []
        if folder is None:
            return 0
        kind = self._read(folder).kind
        if kind != self.params.kind:
            raise ConfigError(
                "a fit goes on from a model of another kind",
                received=f"{kind} in {folder}",
                expected=self.params.kind,
            )
        return len(self.stages)

    def _labelled(self, rows: ShardRows, goal: Goal) -> LabelledRows:
        labelled = LabelledRows.of(rows, goal)
        if self.stages:
            parts = [self._sum(rows[part]) for part in rows.batches(rows.batch_rows)]
            labelled.margins = np.concatenate(parts)
            rows.close()
        return labelled

    def _watched(self, data: ShardSet, fit: Fit, goal: Goal) -> LabelledRows | None:
        if not fit.watched:
            return None
        rows = data.numbered(fit.watched, fit.target, training=False)
        if not len(rows):
            raise nothing_to_learn(f"{fit.target} in the watched eras")
        return self._labelled(rows, goal)

    def _sum(self, features: NDArray[Any]) -> NDArray[np.float64]:
        total = self.sum_of(self.stages[0], features)
        for stage in self.stages[1:]:
            total = total + self.sum_of(stage, features)
        return total

    def _files(self, folder: Path, stages: int) -> Sequence[Path]:
        names = ["model", *(f"model.{number}" for number in range(2, stages + 1))]
        return [folder / f"{name}.{self.suffix}" for name in names]


def weights_of(task: GrowTask, eras: NDArray[np.float64] | None) -> NDArray[np.float32] | None:
    """The weight of each fitted row, None where all count alike."""
    return of_rows(task.fitted.rows.weights, eras, task.fitted.slices)


def refuse_row_weights(library: str, task: GrowTask) -> None:
    """Refuse weights of rows where a library ranks whole eras.

    Raises:
        ConfigError: the shards hold different ones.
    """
    if task.fitted.rows.weights is not None:
        raise ConfigError(
            f"{library} ranks whole eras and takes no weights of rows",
            received="training weights in the shards",
            expected="kind 'regression' or 'classes', or shards without balance and outliers",
        )


def _lengths(total: int, each: int) -> Iterator[int]:
    for start in range(0, total, each):
        yield min(each, total - start)
