"""Which models a comparison trains: those of the configuration and of the catalogue, fast first."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from erazoo.artefacts import CARD
from erazoo.config import Config
from erazoo.config.schema import ModelEntry
from erazoo.errors import ConfigError
from erazoo.machine import cores
from erazoo.near import nearest
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.build import open_shards
from training.job import model_dir
from zoo import catalogue
from zoo.blend.base import BlendParams
from zoo.catalogue import ModelSpec

ALL, SKIPPED = "all", "left out by --skip"
PRESETS = ("small", "demo")
"""What a model of the catalogue is trained with that the configuration does not name."""
CATEGORIES = {"keras": "networks", "h2o": "H2O", "sparkling": "H2O", "blend": "blends"}
"""Where the table's category is not the family itself."""
PACE = ("linear", "boosting", "trees", "neighbours", "keras", "search", "blend", "h2o", "sparkling")
"""Families from the fastest on."""
TURNS = 3
"""The first so many of these take turns in a quick comparison."""
CELLS_PER_SECOND = 2_000_000
"""Values (rows x features) that a small boosted model learns from in a second of one core. It
chooses how far a quick comparison thins its eras; the clock decides what still begins."""
USEFUL, LEAST_ERAS = 8, 20
"""Models that a quick comparison has in mind, and training eras that it leaves each fold."""
ABOUT = 2
"""So many times too thin may eras be that models stand on: the time that is left for models differs
so much from the command that brings the data to the same one again."""


@dataclass(frozen=True)
class Contest:
    """What is compared.

    Args:
        config: the experiment, with a table for every model of the comparison.
        names: of the models, in the order in which they begin.
        left_out: by name, why a model takes no part.
    """

    config: Config
    names: tuple[str, ...]
    left_out: Mapping[str, str]


def plan_contest(config: Config, models: Sequence[str], skip: Sequence[str] = ()) -> Contest:
    """Choose the models of a comparison.

    A configured model takes part as it is configured. One of the catalogue that has no table of its
    name takes part with the preset `small`, else `demo`, else its first one.

    Args:
        config: the experiment.
        models: names, families or categories; `all` for every one.
        skip: names, families or categories that are left out, and with them every blend that has
            one of these models as a member.

    Raises:
        ConfigError: a word that is none of these, nothing left to compare, or a preset or parameter
            that cannot be used.
    """
    entries, specs, absent = _entries(config)
    known = _words(specs, absent)
    for word in (*models, *skip):
        if word != ALL and word not in known:
            raise ConfigError(
                "no such model, family or category",
                received=word,
                expected=nearest(word, [*known, ALL]),
            )
    wanted = set(known) if ALL in models else {n for word in models for n in known[word]}
    unwanted = {n for word in skip for n in (known if word == ALL else known[word])}
    left_out = {n: why for n, why in absent.items() if n in wanted}
    left_out |= dict.fromkeys(sorted(wanted & unwanted), SKIPPED)
    left_out |= _blends_of(
        unwanted, entries, {n: specs[n] for n in specs if n in wanted - unwanted}
    )
    chosen = [name for name in specs if name in wanted and name not in left_out]
    for name in [n for n in chosen if not entries[n].enabled and n not in models]:
        left_out[name] = f"models.{name}.enabled is false"
        chosen.remove(name)
    if not chosen:
        raise ConfigError(
            "there is no model left to compare",
            received=", ".join(models),
            hint="; ".join(f"{name}: {why}" for name, why in left_out.items()),
        )
    entries |= {name: entries[name].model_copy(update={"enabled": True}) for name in chosen}
    kept = {n: e for n, e in entries.items() if n in config.models or n in chosen}
    names = tuple(sorted(chosen, key=lambda name: _pace(specs[name])))
    return Contest(config.model_copy(update={"models": kept}), names, left_out)


def category_of(family: str) -> str:
    """The category of a family of models, in which one is the best.

    >>> category_of("keras"), category_of("linear")
    ('networks', 'linear')
    """
    return CATEGORIES.get(family, family)


def job_name(name: str) -> str:
    """The name of a model's job among those of a run."""
    return f"compare.{name}"


def in_turns(contest: Contest) -> Contest:
    """A quick comparison: one model of each fast family, then the next of each, then the others."""
    seen: dict[str, int] = {}
    turns: dict[str, tuple[int, int]] = {}
    for name in contest.names:
        family = catalogue.get(contest.config.models[name].model).family
        place = PACE.index(family) if family in PACE else len(PACE)
        turn = seen[family] = seen.get(family, 0) + 1
        turns[name] = (0, turn) if place < TURNS else (1, place)
    return replace(contest, names=tuple(sorted(contest.names, key=turns.__getitem__)))


def side_by_side(contest: Contest) -> Contest:
    """A comparison with no more places than models, so that few models share the whole machine.

    On a cluster nothing changes.
    """
    engine = contest.config.engine
    if engine.ray_address:
        return contest
    places = min(engine.jobs or cores(), len(contest.names))
    config = contest.config.model_copy(
        update={"engine": engine.model_copy(update={"jobs": places})}
    )
    return replace(contest, config=config)


def thinned(contest: Contest, run: RunDir, seconds: float, threads: int) -> Contest:
    """A quick comparison: it learns from every Nth training era where the data are many.

    Nothing is thinned where a model stands on all of its training eras, and the same eras are taken
    again where one stands on about as many: that work would be lost.

    Args:
        contest: as it would be without haste.
        run: holds the shards.
        seconds: that there are.
        threads: at work.

    Raises:
        StaleDataError: there are no shards of this configuration.
    """
    data, plan = open_shards(contest.config, run)
    eras = contest.config.training.eras
    standing = set(_standing(run, contest.names))
    if eras in standing:
        return contest
    rows = sum(data.rows(fold.train, plan.target) for fold in plan.folds)
    rows += data.rows(plan.final, plan.target)
    share = CELLS_PER_SECOND * seconds * threads / min(USEFUL, len(contest.names))
    most = min(len(fold.train) for fold in plan.folds) // LEAST_ERAS
    step = max(1, min(math.ceil(rows * len(data.spec.names) / share), most))
    stood = [k for k in range(2, ABOUT * step + 1) if _every(eras, k) in standing]
    step = max(stood, default=step)
    if step == 1:
        return contest
    training = contest.config.training.model_copy(update={"eras": _every(eras, step)})
    config = contest.config.model_copy(update={"training": training})
    return Contest(config, contest.names, contest.left_out)


def _every(eras: str, step: int) -> str:
    """A selection of eras, thinned.

    >>> _every("1..300,odd", 4)
    '1..300&every:4,odd&every:4'
    """
    return ",".join(f"{part}&every:{step}" for part in eras.split(","))


def _entries(
    config: Config,
) -> tuple[dict[str, ModelEntry], dict[str, ModelSpec], dict[str, str]]:
    """Every model that could take part; those that cannot for want of a library, and why."""
    entries = dict(config.models)
    entries |= {n: ModelEntry(model=n) for n in catalogue.names() if n not in entries}
    specs, absent = {}, {}
    for name, entry in entries.items():
        try:
            spec = catalogue.get(entry.model)
        except ImportError as error:
            absent[name] = str(error)
            continue
        if name not in config.models:
            preset = next((p for p in (*PRESETS, *spec.presets) if p in spec.presets), "")
            entries[name] = entry.model_copy(update={"preset": preset})
        catalogue.resolve(spec, entries[name].preset, entry.params)
        specs[name] = spec
    return entries, specs, absent


def _words(specs: Mapping[str, ModelSpec], absent: Iterable[str]) -> dict[str, list[str]]:
    """The models that a name, a family or a category stands for."""
    known = {name: [name] for name in (*specs, *absent)}
    for name, spec in specs.items():
        for word in {spec.family, category_of(spec.family).lower(), category_of(spec.family)}:
            if name not in known.get(word, []):
                known.setdefault(word, []).append(name)
    return known


def _blends_of(
    unwanted: Collection[str], entries: Mapping[str, ModelEntry], specs: Mapping[str, ModelSpec]
) -> dict[str, str]:
    """The blends that would train a model of the catalogue which is left out, and why they are."""
    found = {}
    for name, spec in specs.items():
        params = catalogue.resolve(spec, entries[name].preset, entries[name].params)
        members = params.member_models.values() if isinstance(params, BlendParams) else ()
        if skipped := [model for model in members if model in unwanted]:
            found[name] = f"{SKIPPED}: it trains {' and '.join(skipped)}"
    return found


def _pace(spec: ModelSpec) -> tuple[int, bool]:
    """Where a model stands among the fast and the slow."""
    place = PACE.index(spec.family) if spec.family in PACE else len(PACE)
    return place, "GPU advised" in spec.needs


def _standing(run: RunDir, names: Iterable[str]) -> Iterable[Any]:
    """The selections of training eras that finished fits were made with."""
    for name in names:
        for path in model_dir(run, name).rglob(CARD):
            yield _eras(path)


def _eras(card: Path) -> Any:
    try:
        return read_json(card)["config"]["training"]["eras"]
    except (ValueError, KeyError, TypeError, FileNotFoundError):
        return None
