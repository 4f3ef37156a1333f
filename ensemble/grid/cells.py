"""What a grid trains: a model on each feature set, each group, and each group within a set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from erazoo.config import Config
from erazoo.config.schema import ModelEntry
from erazoo.errors import ConfigError
from erazoo.near import nearest
from erazoo.panel import FeatureSpec
from etl.columns import ALL
from training.columns import BOTH, own_columns
from zoo import catalogue

SETS = ("small", "medium", ALL)
"""Sets, where the configuration names none."""
EARLIER = re.compile(r".*_equivalent$|^fncv3_features$")
"""Sets that stand for those of earlier data; they are no groups either."""
_STRANGE = re.compile(r"[^A-Za-z0-9_.-]")
Kind = Literal["set", "group", "both"]


@dataclass(frozen=True)
class Cell:
    """One model of a grid.

    Args:
        name: of the model, in the configuration of the grid.
        kind: `set`, `group`, or `both` for a group within a set.
        word: its features, as `models.NAME.features` takes them.
        columns: how many these are.
        same: words for the same features, which are not trained again.
    """

    name: str
    kind: Kind
    word: str
    columns: int
    same: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grid:
    """What is trained, and the configuration that says so.

    Args:
        base: the configured model that all are copies of.
        config: of the experiment, with a table for each cell.
        cells: sets first.
    """

    base: str
    config: Config
    cells: tuple[Cell, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the cells' models."""
        return tuple(cell.name for cell in self.cells)


def plan_grid(config: Config, spec: FeatureSpec) -> Grid:
    """The cells of a configuration's grid; equal lists of features are one cell.

    The cell that has the features of the configured model itself is that model.

    Args:
        config: its `ensemble.grid.of` is not empty.
        spec: the features of the shards.

    Raises:
        ConfigError: no boosted model, an unknown model, set or group, nothing to train, or a cell
            whose name another model has.
    """
    base = base_model(config)
    entry = config.models[base]
    words: dict[tuple[str, ...], list[tuple[Kind, str, str]]] = {}
    for kind, label, word in _words(config, spec):
        probe = entry.model_copy(update={"features": word})
        try:
            columns = own_columns(f"{base}.{label}", probe, spec)
        except ConfigError:
            if kind != "both":
                raise
            continue  # this group and this set share no feature
        words.setdefault(columns, []).append((kind, label, word))
    own = own_columns(base, entry, spec) if entry.enabled else ()
    cells = tuple(
        Cell(
            base if columns == own else f"{base}.{found[0][1]}",
            found[0][0],
            found[0][2],
            len(columns),
            tuple(word for _, _, word in found[1:]),
        )
        for columns, found in words.items()
    )
    return Grid(base, with_cells(config, base, {c.name: c.word for c in cells}), cells)


def base_model(config: Config) -> str:
    """The model that a grid trains: the one that is named, else the first boosted one.

    Raises:
        ConfigError: there is none.
    """
    wanted = config.ensemble.grid.model
    if wanted in config.models:
        return wanted
    if wanted:
        raise ConfigError(
            "ensemble.grid.model is not configured",
            received=wanted,
            expected=nearest(wanted, config.models),
            hint=f"Add a table [models.{wanted}]",
        )
    for name, entry in config.models.items():
        if entry.enabled and catalogue.get(entry.model).family == "boosting":
            return name
    raise ConfigError(
        "a grid trains a boosted model, and none is configured",
        received=", ".join(config.models) or "no model",
        hint="Add a table such as [models.lightgbm], or name a model in ensemble.grid.model",
    )


def with_cells(config: Config, base: str, words: Mapping[str, str]) -> Config:
    """The configuration with a copy of the base model for each cell.

    Args:
        config: the experiment.
        base: the copied model.
        words: features by the name of the cell's model.

    Raises:
        ConfigError: another model has the name of a cell.
    """
    models = dict(config.models)
    for name, word in words.items():
        if name == base:
            continue
        made = cell_entry(config.models[base], word)
        if models.setdefault(name, made) != made:
            raise ConfigError(
                "a configured model has the name of one of the grid", received=f"models.{name}"
            )
    return config.model_copy(update={"models": models})


def cell_entry(base: ModelEntry, word: str) -> ModelEntry:
    """The table of a cell."""
    return base.model_copy(update={"features": word, "enabled": True})


def _words(config: Config, spec: FeatureSpec) -> Iterator[tuple[Kind, str, str]]:
    """Kind, name and features of what the grid asks for, larger things first."""
    section, known = config.ensemble.grid, {ALL: spec.names, **spec.groups}
    for word in (*section.sets, *section.groups):
        if word not in known:
            raise ConfigError(
                "ensemble.grid names neither a feature set nor a group of the shards",
                received=word,
                expected=nearest(word, known),
            )
    sets = section.sets or tuple(name for name in SETS if name in known)
    others = (n for n in spec.groups if n not in {*sets, *SETS} and not EARLIER.match(n))
    groups = section.groups or tuple(others)
    if "groups" in section.of and not groups:
        raise ConfigError(
            "the shards have no feature group that a grid could train on",
            received=f"the sets {', '.join(known)}",
            hint="Set ensemble.grid.of = 'sets', or name groups in ensemble.grid.groups",
        )
    if "sets" in section.of:
        yield from (("set", f"set-{_plain(name)}", name) for name in sets)
    if "groups" in section.of:
        yield from (("group", f"group-{_plain(name)}", name) for name in groups)
    if section.of == "sets x groups":
        yield from _both(sets, groups)


def _both(sets: Sequence[str], groups: Sequence[str]) -> Iterator[tuple[Kind, str, str]]:
    smaller = [name for name in sets if name != ALL]
    for one, other in product(smaller, groups):
        yield "both", f"set-{_plain(one)}.group-{_plain(other)}", f"{one} {BOTH} {other}"


def _plain(name: str) -> str:
    """A part of a model's name."""
    return _STRANGE.sub("-", name)
