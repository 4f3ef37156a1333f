"""Which columns of a panel are used: features by set, group, name or pattern, and targets."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from erazoo.errors import ConfigError, DataError
from erazoo.near import nearest
from erazoo.panel import MISSING_QUINTILE, FeatureSpec
from erazoo.publish import read_json
from erazoo.tournament import TARGET_ALIAS
from etl.files import DataFiles
from etl.grids import dtype_of

FEATURE_PREFIX = "feature"
ALL = "all"


def feature_spec(
    files: DataFiles, columns: Sequence[str], feature_set: str, chosen: Sequence[str] = ()
) -> FeatureSpec:
    """The features that are used, with every named group cut to them.

    Args:
        files: the panel's files.
        columns: the columns of its tables.
        feature_set: a set or group, used where `chosen` is empty.
        chosen: sets, groups, columns or patterns such as `feature_a*`; a pattern leaves out
            columns whose names begin with `target`.

    Raises:
        ConfigError: a name that is neither a set nor a column, or a pattern without a column.
    """
    sets = feature_sets(files, columns, needed=bool(chosen))
    if chosen:
        free = [name for name in columns if name not in (files.era, files.id)]
        found = {name for word in chosen for name in _named(word, sets, free)}
        names = tuple(name for name in columns if name in found)
    else:
        names = _set(feature_set, sets)
    held = set(names)
    groups = {g: tuple(m for m in members if m in held) for g, members in sets.items()}
    dtype = dtype_of(files.values)
    missing = MISSING_QUINTILE if dtype == np.int8 else None
    return FeatureSpec(names, {g: m for g, m in groups.items() if m}, dtype, missing)


def feature_sets(
    files: DataFiles, columns: Sequence[str] = (), *, needed: bool = False
) -> dict[str, tuple[str, ...]]:
    """The named feature sets of a panel.

    The set `all`, where there is no features.json or it does not list one, holds the columns
    whose names begin with `feature`.

    Raises:
        DataError: features.json is missing where it is expected, or damaged.
        ConfigError: no column is called a feature, and none is `needed` elsewhere.
    """
    found = tuple(name for name in columns if name.startswith(FEATURE_PREFIX))
    if files.features is not None:
        sets = _read_sets(files.features)
        return sets if ALL in sets or not found else {ALL: found, **sets}
    if not found and not needed:
        raise ConfigError(
            "no column of the data is called a feature",
            received=", ".join(columns[:5]),
            expected=f"names that begin with {FEATURE_PREFIX!r}",
            hint="Name the features in data.features",
        )
    return {ALL: found} if found else {}


def target_names(columns: Sequence[str], target: str, extra: Sequence[str]) -> tuple[str, ...]:
    """The targets that shards carry: the one that is learned, then the others.

    Args:
        columns: the columns of the tables.
        target: the target that models learn.
        extra: names or patterns such as `target_*_60`; patterns leave the alias `target` out.

    Raises:
        ConfigError: a pattern without a column.
    """
    names = [target]
    for word in extra:
        if not _is_pattern(word):
            names.append(word)
            continue
        found = [c for c in columns if fnmatchcase(c, word) and c != TARGET_ALIAS]
        if not found:
            raise ConfigError("a pattern names no target", received=word)
        names += found
    return tuple(dict.fromkeys(names))


def _read_sets(path: Path) -> dict[str, tuple[str, ...]]:
    try:
        sets = read_json(path)["feature_sets"]
        return {str(name): tuple(members) for name, members in sets.items()}
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(
            "a data folder has no features.json",
            received=str(path.parent),
            hint="Run `erazoo download` first",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError("features.json is damaged", received=str(path)) from None


def _set(name: str, sets: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    if name not in sets:
        raise ConfigError(
            "unknown feature set",
            received=name,
            expected=nearest(name, sets),
            hint="Set data.feature_set",
        )
    return sets[name]


def _named(word: str, sets: dict[str, tuple[str, ...]], columns: Sequence[str]) -> Sequence[str]:
    if word in sets:
        return sets[word]
    if word in columns:
        return [word]
    found = [c for c in columns if fnmatchcase(c, word) and not c.startswith(TARGET_ALIAS)]
    if not found:
        raise ConfigError(
            "a feature selection names neither a set nor a column",
            received=word,
            expected=nearest(word, [*sets, *columns]),
            hint="Set data.features",
        )
    return found


def _is_pattern(word: str) -> bool:
    return any(sign in word for sign in "*?[")
