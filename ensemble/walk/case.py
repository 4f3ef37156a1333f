"""A walk before its first era: its models, its course and what it depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ensemble.blend import ensemble_stage
from ensemble.grid.record import with_grid
from ensemble.members import Member, open_members
from ensemble.methods import META, METHODS
from ensemble.walk.models import Refused, WalkedModel, walked_models
from ensemble.walk.plan import WalkPlan
from ensemble.walk.record import FORMAT, STATE, walk_folder
from erazoo.config import Config
from erazoo.errors import ConfigError
from erazoo.folds import FoldPlan
from erazoo.near import nearest
from erazoo.publish import fingerprint
from erazoo.rundir import RunDir, Stage
from etl.build import content_of, open_shards
from etl.shards import ShardSet
from training.evaluation import scored_eras
from training.standards import reach_of


@dataclass(frozen=True)
class WalkCase:
    """A walk before its first era.

    Args:
        config: the experiment, with the models that its grid kept.
        run: its run directory.
        shards: whose eras arrive.
        folds: of the run.
        members: of its ensemble.
        models: that walk.
        refused: members that do not, and why.
    """

    config: Config
    run: RunDir
    shards: ShardSet
    folds: FoldPlan
    members: tuple[Member, ...]
    models: tuple[WalkedModel, ...]
    refused: Refused

    @classmethod
    def of(cls, config: Config, run: RunDir) -> WalkCase:
        """What a configuration asks for.

        Raises:
            ConfigError: an unknown method, or models that cannot walk.
            StaleDataError: there are no shards of this configuration.
            DataError: a member that is not trained.
        """
        config = with_grid(config, run, needed=True)
        _check_method(config)
        shards, folds = open_shards(config, run)
        members = open_members(config, run)
        own = [one.name for one in members if one.trained and one.run == run.root]
        models, refused = walked_models(config, run, own, walk_folder(run) / STATE / "models")
        return cls(config, run, shards, folds, members, models, refused)

    @property
    def names(self) -> tuple[str, ...]:
        """(M,) of the models."""
        return tuple(model.name for model in self.models)

    @property
    def stage(self) -> Stage:
        """The walk beside the ensemble as it stands."""
        settings = {
            "walk": self.config.ensemble.walk.model_dump(mode="json"),
            "training": self.config.training.eras,
        }
        ensemble = ensemble_stage(self.config, self.run, self.members).key
        return self.run.stage("walk", settings, {"ensemble": ensemble, "models": self._identity()})

    def plan(self, eras: Sequence[str]) -> WalkPlan:
        """The course over some eras.

        Held-out eras are not learned, wherever they lie.

        Raises:
            LeakageError: too few eras are resolved before the first one.
        """
        chosen = self.config.training.eras
        allowed = set(self.shards.axis.select(chosen) if chosen != "all" else self.shards.eras())
        held_out = self.folds.held_out
        learnable = allowed - set(held_out.validation if held_out is not None else ())
        walk, axis = self.config.ensemble.walk, self.shards.axis
        return WalkPlan.of(axis, eras, learnable, self.purge, walk)

    @property
    def purge(self) -> int:
        """Positions that pass before an era's targets are known: the pool's own rule."""
        config, folds = self.config, self.folds
        target = config.evaluate.target or folds.target
        reach = reach_of(config, target, folds, self.shards)
        return max(folds.purge, reach + folds.purge - folds.label_eras)

    def key(self, plan: WalkPlan, rows: str) -> str:
        """What its steps depend on."""
        section = self.config.ensemble
        told = {"objective", "rounds", "bags", "walk"} | (
            {"meta"} if section.walk.method == META else set()
        )
        settings = section.model_dump(mode="json", include=told)
        return fingerprint(
            [
                FORMAT,
                settings,
                self._identity(),
                [plan.eras, plan.arriving, plan.updates, plan.scored, self.purge],
                [self.config.run.seed, rows, content_of(self.run)],
            ]
        )

    def held(self, plan: WalkPlan) -> dict[str, int]:
        """The most eras in memory at once, and the bytes of their features and labels."""
        shards, spec = self.shards, self.shards.spec
        labels = 4 * (len(shards.targets) + len(shards.references))
        row = len(spec.names) * spec.dtype.itemsize + labels
        held = [plan.held(place) for place in range(len(plan.eras))]
        return {"eras": max(map(len, held)), "bytes": max(map(shards.rows, held)) * row}

    def _identity(self) -> list[Any]:
        return [model.identity() for model in self.models]


def walk_outlook(config: Config, run: RunDir) -> dict[str, Any]:
    """What a walk would do; nothing is written.

    Raises:
        ConfigError, LeakageError, DataError: as `walk` does.
    """
    case = WalkCase.of(config, run)
    plan = case.plan(scored_eras(case.folds, "out_of_fold"))
    return {
        "models": list(case.names),
        "left_out": case.refused,
        "eras": [plan.eras[0], plan.eras[-1], len(plan.eras)],
        "updates": len(plan.updates),
        "held": case.held(plan),
        "stands": case.stage.done(),
    }


def _check_method(config: Config) -> None:
    name = config.ensemble.walk.method
    if name not in METHODS:
        raise ConfigError(
            "there is no such way to combine the models of a walk",
            received=f"ensemble.walk.method = {name!r}",
            expected=nearest(name, METHODS),
            hint="`erazoo ensemble --methods` lists them",
        )
