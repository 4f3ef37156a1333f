"""Models that learn again as eras are resolved; each update is a folder of sealed fits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ensemble.walk.plan import Update
from erazoo.artefacts import seal
from erazoo.config import Config
from erazoo.config.schema import ModelEntry, WalkSection
from erazoo.errors import ConfigError
from erazoo.logs import LOGGER
from erazoo.near import nearest
from erazoo.publish import atomic_dir, make_dir, sweep
from erazoo.rundir import RunDir
from etl.shards.held import HeldEras
from etl.splits import monitor_split
from training.families import load_model, trainer_of
from training.job import Job
from training.members import MeanRank, Member
from training.task import FoldTask
from zoo import catalogue

if TYPE_CHECKING:
    from training.task import BlockPredictor

BOOSTED, ABLE = "boosting", ("boosting", "linear")
"""The family that can go on from a fit, and those that learn from eras in memory."""
Refused = dict[str, str]


@dataclass(frozen=True)
class WalkedModel:
    """A configured model in a walk.

    Args:
        job: what it is and what it learns.
        goes_on: whether an update goes on from the one before with the eras that are new; else it
            learns the window from the start.
        trees: that an update which goes on adds; 0 for as many an era as the first one grew.
        folder: of its updates.
    """

    job: Job
    goes_on: bool
    trees: int
    folder: Path

    @property
    def name(self) -> str:
        """Of the configuration."""
        return self.job.name

    def identity(self) -> list[Any]:
        """What its fits depend on, beside the eras that they learn."""
        fits = [self.job.key(self._task((), member)) for member in self.job.members]
        return [self.name, self.goes_on, self.trees, fits]

    def describe(self) -> str:
        """How it learns again, in words."""
        if self.goes_on:
            return "goes on from its last fit with the eras resolved since"
        return "learns the window of newest resolved eras"

    def learn(self, number: int, updates: Sequence[Update], data: HeldEras) -> None:
        """Make an update, unless it stands.

        Older ones go, but for the last and the first.

        Args:
            number: of the update.
            updates: of the walk.
            data: holds the eras that it learns.
        """
        for old in range(1, number - 1):
            shutil.rmtree(self._place(old), ignore_errors=True)
        place = self._place(number)
        if place.is_dir():
            return
        sweep(make_dir(self.folder))
        own = data if self.job.data.columns is None else data.narrowed(self.job.data.spec.names)
        with atomic_dir(place) as temporary:
            for member in self.job.members:
                task = self._of_update(number, updates, member)
                self._fit(task, own, make_dir(temporary / _folder(member)))
        LOGGER.info("walk: %s, update %d of %d", self.name, number + 1, len(updates))

    def open(self, number: int, data: HeldEras) -> BlockPredictor:
        """What an update predicts, from raw features of a whole era.

        Raises:
            ArtifactError: a file is missing or has changed.
        """
        place = self._place(number)
        fits = [load_model(place / _folder(member), data.spec) for member in self.job.members]
        return fits[0] if len(fits) == 1 else MeanRank(fits)

    def _fit(self, task: FoldTask, data: HeldEras, folder: Path) -> None:
        job = self.job
        trainer_of(job.spec).fit(job.spec, job.params, data, task, folder)
        learned = {"learns": [task.target], "fit": task.fit, "monitor": task.monitor}
        facts = {**job.head(), **job.facts(), **job.columns()}
        seal(folder, {**facts, **learned, "known": task.known})

    def _of_update(self, number: int, updates: Sequence[Update], member: Member) -> FoldTask:
        update, first = updates[number], updates[0]
        if not (number and self.goes_on):
            return self._task(update.window, member)
        start = self._place(number - 1) / _folder(member)
        grown = getattr(self.job.params, "n_estimators", 1) / len(first.window)
        trees = self.trees or max(1, round(grown * len(update.new)))
        between = tuple(era for one in updates[1:number] for era in one.new)
        known = (*first.window, *between)
        return self._task(update.new, member, trees, start, known)

    def _task(
        self,
        eras: tuple[str, ...],
        member: Member,
        length: int | None = None,
        start: Path | None = None,
        known: tuple[str, ...] = (),
    ) -> FoldTask:
        job = self.job
        monitor: tuple[str, ...] = ()
        if eras and job.params.watches and start is None:
            eras, monitor = monitor_split(job.data.axis, eras, job.plan.purge)
        return FoldTask(
            "walk",
            eras,
            monitor,
            member.target,
            member.seed,
            job.config.training,
            length,
            start,
            job.plan.purge,
            known,
        )

    def _place(self, number: int) -> Path:
        return self.folder / f"{number:04d}"


def walked_models(
    config: Config, run: RunDir, members: Sequence[str], folder: Path
) -> tuple[tuple[WalkedModel, ...], Refused]:
    """The models of a walk, and why other members do not walk.

    Args:
        config: the experiment.
        run: its run directory.
        members: the run's own models in the ensemble.
        folder: of what they learn.

    Raises:
        ConfigError: no model can walk, or one that is named cannot.
    """
    section = config.ensemble.walk
    wanted = section.models or tuple(members)
    for name in wanted:
        if name not in members:
            raise ConfigError(
                "ensemble.walk.models names no member of the ensemble",
                received=name,
                expected=nearest(name, members),
            )
    refused = {name: why for name in wanted if (why := _obstacle(config.models[name]))}
    able = [name for name in wanted if name not in refused]
    if not able or (section.models and refused):
        raise ConfigError(
            "a model cannot learn era by era",
            received="; ".join(f"{name}: {why}" for name, why in refused.items()) or "no model",
            expected="boosted or linear models of the run",
        )
    make = _maker(config, run, section, folder)
    return tuple(make(name) for name in able), refused


def _maker(
    config: Config, run: RunDir, section: WalkSection, folder: Path
) -> Callable[[str], WalkedModel]:
    def make(name: str) -> WalkedModel:
        job = Job.of(config, run, name)
        goes_on = section.update == "continue" and job.spec.family == BOOSTED
        return WalkedModel(job, goes_on, section.trees, folder / name)

    return make


def _obstacle(entry: ModelEntry) -> str:
    """Why a model cannot walk; empty where it can."""
    spec = catalogue.get(entry.model)
    if spec.family not in ABLE:
        return f"a model of the family {spec.family!r} does not learn from eras in memory"
    if entry.continue_from:
        return "it goes on from an earlier fit, which knows eras of the walk"
    return ""


def _folder(member: Member) -> str:
    return member.name or "fit"
