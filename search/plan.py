"""The plan of a study: everything that the result of a trial depends on, settled once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from erazoo.config import Config
from erazoo.errors import ConfigError
from erazoo.near import nearest
from erazoo.publish import fingerprint, read_json
from erazoo.rundir import RunDir
from etl.build import bring_shards, content_of
from etl.shards import ShardSet
from search.folder import MineDir
from search.folds import MineFolds, mine_folds
from search.options import check_names, resolve_options
from search.parameter import Constant, Listed
from search.presets import PRESETS
from search.space import FEATURES, TARGET, TREES, Space
from training.columns import columns_of
from training.standards import reference_roles


@dataclass(frozen=True)
class Plan:
    """What a study mines, in plain values.

    Attributes:
        name: of the study.
        model: the library.
        content: of the shards, by their key.
        target: that everything is scored on.
        targets: that are learned.
        meta_model: the reference that MMC is taken against, empty where there is none.
        folds: the trainings of a trial.
        space: see `Space.to_json`.
        benchmark: every parameter of what is to be beaten.
        prefixes: tree counts that are scored on the way.
        pruning: see `erazoo.config.mine.MinePruning`.
        objective: `sharpe` or `corr`, of validation eras.
        seed: of the run.
        sample_rows: rows that bins are found from, at most.
    """

    name: str
    model: str
    content: str
    target: str
    targets: tuple[str, ...]
    meta_model: str
    folds: MineFolds
    space: Mapping[str, Any]
    benchmark: Mapping[str, Any]
    prefixes: tuple[int, ...]
    pruning: Mapping[str, Any]
    objective: str
    seed: int
    sample_rows: int

    @classmethod
    def of(cls, config: Config, run: RunDir) -> Plan:
        """The plan of a configuration; its shards must stand.

        Raises:
            ConfigError: a space, a benchmark or a target that cannot be used.
            StaleDataError: there are no shards of this configuration.
            LeakageError: folds that cannot be made.
        """
        section = config.mine
        shards, fold_plan = bring_shards(config, run)
        targets = section.targets or (fold_plan.target,)
        space = Space.of(section, targets)
        _check_space(section.model, space, targets, shards)
        reach = max(_reach(shards, target) for target in (*targets, fold_plan.target))
        folds = mine_folds(config, shards, fold_plan, reach)
        benchmark = _benchmark(config, fold_plan.target, targets, shards)
        _check_known(shards, folds, {*targets, str(benchmark[TARGET])})
        return cls(
            name=section.name,
            model=section.model,
            content=content_of(run),
            target=fold_plan.target,
            targets=tuple(targets),
            meta_model=reference_roles(config, shards.references).meta_model or "",
            folds=folds,
            space=space.to_json(),
            benchmark=benchmark,
            prefixes=section.prefixes,
            pruning=section.pruning.model_dump(mode="json"),
            objective=section.objective,
            seed=config.run.seed,
            sample_rows=section.sample_rows,
        )

    @property
    def slots(self) -> int:
        """Rows of predictions that each trial may need."""
        return len(self.prefixes) + 1

    @property
    def key(self) -> str:
        """Follows from everything in it."""
        return fingerprint(self.to_json())

    def completed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Drawn values with the number of trees that the model takes where it is not drawn."""
        trees = resolve_options(self.model, {}).n_estimators
        return {TREES: trees, **values}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        lists = {"targets": list(self.targets), "prefixes": list(self.prefixes)}
        return {**asdict(self), **lists, "folds": self.folds.to_json()}

    @classmethod
    def read(cls, folder: MineDir) -> Plan:
        """The plan of a study that was started.

        Raises:
            StaleDataError: there is none.
        """
        folder.check_there()
        held = dict(read_json(folder.plan))
        lists = {name: tuple(held[name]) for name in ("targets", "prefixes")}
        return cls(**{**held, **lists, "folds": MineFolds.from_json(held["folds"])})


def check_same(plan: Plan, folder: MineDir) -> None:
    """Refuse a plan that differs from the one whose results stand under its name.

    Raises:
        ConfigError: it does, and what differs is named; or there are results without a plan.
    """
    if not folder.plan.is_file():
        if folder.results.is_file():
            raise ConfigError(
                f"{folder.root} holds results, but the plan that they are of is gone",
                expected=folder.plan.name,
                hint="Give this study another name (mine.name), or --force to begin it anew",
            )
        return
    held = dict(read_json(folder.plan))
    mine = _plain(plan)
    changed = [name for name in {**mine, **held} if mine.get(name) != held.get(name)]
    if changed:
        raise ConfigError(
            f"the study {plan.name!r} in {folder.root} was begun with another {', '.join(changed)}",
            hint="Give this one another name (mine.name), or --force to begin it anew",
        )


def _plain(plan: Plan) -> dict[str, Any]:
    """As it comes back from a file, where tuples are lists."""
    return dict(json.loads(json.dumps(plan.to_json())))


def _check_space(model: str, space: Space, targets: Sequence[str], shards: ShardSet) -> None:
    names = [one.name for one in space.parameters if one.name not in (TARGET, FEATURES)]
    check_names(model, names)
    for parameter in space.parameters:
        if parameter.name not in (TARGET, FEATURES):
            for value in parameter.kind.samples():
                resolve_options(model, {parameter.name: value})
            continue
        kind = parameter.kind
        if parameter.when is not None or not isinstance(kind, Listed | Constant):
            raise ConfigError(
                f"mine.space.{parameter.name} is a text or a list of texts",
                received=parameter.entry,
            )
        listed = kind.values if isinstance(kind, Listed) else (kind.value,)
        for value in listed:
            if parameter.name == FEATURES:
                columns_of("mine.space.features", feature_words(str(value)), shards.spec)
            elif value not in targets:
                expected = nearest(str(value), targets)
                raise ConfigError(
                    "mine.space.target names no target of mine.targets",
                    received=value,
                    expected=expected,
                )


def _check_known(shards: ShardSet, folds: MineFolds, targets: Iterable[str]) -> None:
    """Refuse a target that a fold has nothing to learn of."""
    for fold in folds.folds:
        for target in sorted(targets):
            if not shards.rows(fold.train, target, training=True):
                raise ConfigError(
                    f"{fold.name} of mining has no training row in which {target} is known",
                    received=f"eras {fold.train[0]} to {fold.train[-1]}",
                    hint="Leave it out of mine.targets, or choose other folds",
                )


def feature_words(text: str) -> tuple[str, ...]:
    """The sets and groups that a value of `features` names."""
    return tuple(word.strip() for word in text.split(","))


def _benchmark(
    config: Config, target: str, targets: Sequence[str], shards: ShardSet
) -> dict[str, Any]:
    section = config.mine
    preset = PRESETS[section.preset].benchmark if section.preset else {}
    values = {**preset, **section.benchmark}
    if not values:
        raise ConfigError(
            "mine.benchmark says what is to be beaten", expected="parameters of the model"
        )
    learned = values.setdefault(TARGET, target if target in targets else targets[0])
    shards.target_index(str(learned))
    if FEATURES in values:
        columns_of("mine.benchmark.features", feature_words(str(values[FEATURES])), shards.spec)
    options = {name: value for name, value in values.items() if name not in (TARGET, FEATURES)}
    check_names(section.model, options)
    return {TREES: resolve_options(section.model, options).n_estimators, **values}


def _reach(shards: ShardSet, target: str) -> int:
    """Eras that a target's labels reach past their own."""
    shards.target_index(target)
    facts = shards.manifest.facts
    known = facts["horizons"].get(target)
    if known is None and target == facts["target"]:
        known = facts["label_eras"]
    if known is None:
        raise ConfigError(
            f"nothing says how far the labels of {target} reach",
            hint="Name the target with its horizon, such as target_mine_20, or set data.horizon",
        )
    return int(known)
