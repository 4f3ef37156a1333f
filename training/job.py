"""One configured model with its data: what its fits depend on and where they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from erazoo.artefacts import CARD, open_sealed
from erazoo.config import Config
from erazoo.config.schema import ModelEntry
from erazoo.errors import ConfigError, LeakageError, SchemaError
from erazoo.folds import EraFold, FoldPlan
from erazoo.publish import fingerprint, sha256
from erazoo.rundir import RunDir, Stage
from etl.build import content_of, open_shards
from etl.shards import ShardSet
from etl.splits import monitor_split
from training.columns import narrowed_to
from training.continued import apart_from_known, cards_of, check_continued, earlier_fit
from training.families import settings_of
from training.importance import check_importance
from training.learned import check_learned
from training.members import Member, members_of
from training.task import FoldTask
from zoo import catalogue
from zoo.catalogue import ModelSpec, Params
from zoo.learned_columns import COLUMNS

if TYPE_CHECKING:
    from zoo.keras.params import NetworkParams

FINAL = "final"
PREDICTIONS = "predictions.parquet"
RESULT = "result.json"
IN_SAMPLE = "in_sample"
JOBS = "jobs"
"""The folder of the engine's journal and logs in a run."""


@dataclass(frozen=True)
class Job:
    """One configured model and what it is trained on; `fitted` gathers the fits of this call.

    `data` holds the features that the model learns from, and no others.
    """

    name: str
    entry: ModelEntry
    spec: ModelSpec
    params: Params
    config: Config
    data: ShardSet
    plan: FoldPlan
    folder: Path
    start: Path | None = None
    fitted: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, config: Config, run: RunDir, name: str) -> Job:
        """The job of a configured model; its shards must stand.

        Raises:
            StaleDataError: they do not.
            ConfigError: parameters or a target that cannot be used.
            LeakageError: a target that reaches further than the folds were purged for, or a fold
                without training eras.
        """
        entry = config.models[name]
        spec, params = _resolved(entry)
        shards, plan = open_shards(config, run)
        data = narrowed_to(name, entry, shards)
        check_learned(name, entry, spec, params, data, plan)
        check_continued(name, entry, spec, run.path("models"))
        check_importance(name, entry, spec, params, data.spec)
        start = _start(entry, spec, params, data)
        job = cls(name, entry, spec, params, config, data, plan, model_dir(run, name), start)
        for fold in plan.folds:
            job._chosen(fold.name, fold.train)
            for member in job.members if entry.continue_from else ():
                job.task(fold, member)
        return job

    @property
    def members(self) -> tuple[Member, ...]:
        """The fits of each fold."""
        return members_of(self.entry, self.plan.target, self.config.run.seed)

    @property
    def waits(self) -> bool:
        """Whether its fits read those of another model."""
        return bool(getattr(self.params, "encoder", ""))

    def task(self, fold: EraFold, member: Member) -> FoldTask:
        """What a fit on a fold may see."""
        task = self._task(fold.name, member, self._chosen(fold.name, fold.train), None)
        if not self.params.watches:
            return task
        fit, monitor = monitor_split(self.data.axis, task.fit, self.plan.purge)
        task = replace(task, fit=fit, monitor=monitor)
        if not task.known:
            return task
        apart = apart_from_known(self.name, self.data.axis, task, self.plan.purge)
        return replace(task, monitor=apart)

    def final_task(self, member: Member, length: int | None) -> FoldTask:
        """What the fit that predicts live data may see: every resolved era."""
        return self._task(FINAL, member, self._chosen(FINAL, self.plan.final), length)

    def _chosen(self, name: str, eras: Sequence[str]) -> tuple[str, ...]:
        """Those of some training eras that `training.eras` selects."""
        if self.config.training.eras == "all":
            return tuple(eras)
        allowed = set(self.data.axis.select(self.config.training.eras))
        found = tuple(era for era in eras if era in allowed)
        if not found:
            raise LeakageError(
                f"training.eras leaves {name} without training eras",
                received=self.config.training.eras,
                expected=f"some of the {len(eras)} eras from {eras[0]} to {eras[-1]}",
            )
        return found

    def _task(
        self, name: str, member: Member, eras: tuple[str, ...], length: int | None
    ) -> FoldTask:
        start, learned = self.start, frozenset[str]()
        if self.entry.continue_from:
            earlier = earlier_fit(
                self.name, self.entry, self.spec, self.data, member, name, eras, self._opened
            )
            start, learned = earlier.folder, earlier.learned
        return FoldTask(
            name,
            fit=tuple(era for era in eras if era not in learned),
            monitor=(),
            target=member.target,
            seed=member.seed,
            settings=self.config.training,
            length=length,
            start=start,
            purge=self.plan.purge,
            known=tuple(era for era in eras if era in learned),
        )

    def key(self, task: FoldTask, predicted: Sequence[str] = ()) -> str:
        """What a fit and its predictions depend on."""
        return fingerprint(
            [
                self.spec.name,
                self.params.identity(),
                self.data.manifest.facts.get("key"),
                self.data.spec.fingerprint,
                [task.fit, task.monitor, task.target, task.seed, task.length, task.purge],
                settings_of(self.spec, task.settings),
                [*self._made_of, *_prints(self.params.reads(task.name))],
                [sha256(task.start / CARD)] if task.start is not None and task.known else [],
                list(predicted),
            ]
        )

    @cached_property
    def _opened(self) -> Callable[[Path], Mapping[str, Any]]:
        """The card of an earlier fit, whose files are read through once for all folds."""
        return lru_cache(maxsize=None)(open_sealed)

    @cached_property
    def _made_of(self) -> list[str]:
        return _prints(_own_files(self.entry, self.spec))

    def fit_dir(self, fold: str, member: Member) -> Path:
        """Where a fit lies; an empty fold name is that of the last fit."""
        return self.fold_dir(fold) / member.name

    def fold_dir(self, fold: str) -> Path:
        """Where the fits of a fold lie."""
        return self.folder / FINAL if fold == FINAL else self.folder / "folds" / fold

    def head(self) -> dict[str, Any]:
        """What the model is, for cards and results."""
        return {
            "name": self.name,
            "model": self.spec.name,
            "family": self.spec.family,
            "preset": self.entry.preset,
            "features": list(self.entry.feature_words),
            "params": self.params.model_dump(mode="json"),
        }

    def columns(self) -> dict[str, list[str]]:
        """What cards say of the features, where these are not all of the shards."""
        return {} if self.data.columns is None else {COLUMNS: list(self.data.spec.names)}

    def facts(self) -> dict[str, str]:
        """What its predictions are of, for cards and prediction files."""
        return {
            "target": self.plan.target,
            "fingerprint": self.data.spec.fingerprint,
            "plan": fingerprint(self.plan.to_json()),
        }


def model_dir(run: RunDir, name: str) -> Path:
    """Where a model's results lie."""
    return run.path("models", name)


def model_stage(config: Config, run: RunDir, name: str) -> Stage:
    """The stage of one model: its parameters, the shards, the folds and the trainer's settings.

    A model's own file, the encoder that it reads and the network that it starts from are inputs
    by their checksums.
    """
    entry = config.models[name]
    spec, params = _resolved(entry)
    settings = {
        "model": entry.model if spec.source is None else spec.name,
        "features": list(entry.feature_words),
        "params": params.identity(),
        "training": settings_of(spec, config.training),
        "eras": config.training.eras,
        "seed": config.run.seed,
        "importance": entry.importance,
        "learns": [*entry.learns(config.data.target), entry.seeds],
    }
    inputs = {
        "in_sample": config.training.scored_train_eras,
        "folds": sha256(run.path("folds.json")),
        "shards": content_of(run),
        "files": _prints([*_own_files(entry, spec), *params.reads()]),
    }
    return run.stage(f"train-{name}", settings, inputs)


def _resolved(entry: ModelEntry) -> tuple[ModelSpec, Params]:
    spec = catalogue.get(entry.model)
    return spec, catalogue.resolve(spec, entry.preset, entry.params)


def _own_files(entry: ModelEntry, spec: ModelSpec) -> list[Path]:
    """What a model is made of beside its parameters, the data and the models that it reads."""
    own = [spec.source] if spec.source is not None else []
    start = [Path(entry.start) / CARD] if entry.start else []
    earlier = cards_of(Path(entry.continue_from)) if entry.continue_from else ()
    return [*own, *start, *earlier]


def _prints(paths: Iterable[Path]) -> list[str]:
    return [sha256(path) if path.is_file() else "" for path in paths]


def _start(entry: ModelEntry, spec: ModelSpec, params: Params, data: ShardSet) -> Path | None:
    """The folder of the untrained network that fits begin with, if there is one.

    Raises:
        ArtifactError: it is damaged or none.
        ConfigError: it is another model, or was built with other options.
        SchemaError: it takes other features.
    """
    if not entry.start:
        return None
    folder = Path(entry.start)
    card = open_sealed(folder)
    if not card.get("untrained"):
        raise ConfigError(
            "a fit starts from an untrained network",
            received=f"the {card.get('model')} in {folder}, which is trained",
            expected="a folder that `erazoo models NAME --save DIR` wrote",
        )
    if card["model"] != spec.name:
        raise ConfigError(
            "an untrained network of another model", received=card["model"], expected=spec.name
        )
    for name, value in cast("NetworkParams", params).of_network().items():
        if card["params"].get(name) != value:
            raise ConfigError(
                f"an untrained network with other {name}",
                received=card["params"].get(name),
                expected=value,
                hint="Save it anew, or configure the model as it was saved",
            )
    if card["fingerprint"] != data.spec.fingerprint:
        raise SchemaError(
            "an untrained network of other features",
            received=f"fingerprint {card['fingerprint']} in {folder}",
            expected=data.spec.fingerprint,
            hint="Save it with the same --config and data",
        )
    return folder.absolute()
