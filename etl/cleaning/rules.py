"""Which rules each feature follows, checked against what the features hold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from erazoo.config.schema import CleanRules, CleanSection
from erazoo.errors import ConfigError
from erazoo.near import nearest
from erazoo.panel import QUINTILES, FeatureSpec

LEARNED = ("mean", "median", "mode", "knn")
"""Ways of filling missing values that need training rows."""


@dataclass(frozen=True)
class RuleGroup:
    """Features that follow the same rules.

    Args:
        name: of the group, empty for the features that no group has rules for.
        rules: what is done to them.
        columns: (k,) their columns in ascending order.
    """

    name: str
    rules: CleanRules
    columns: NDArray[np.int64]

    @cached_property
    def selection(self) -> slice | NDArray[np.int64]:
        """The columns, as a slice where they stand side by side, so that no copy is made."""
        first, last = int(self.columns[0]), int(self.columns[-1])
        together = last - first + 1 == len(self.columns)
        return slice(first, last + 1) if together else self.columns

    @property
    def learns(self) -> bool:
        """Whether the rules need training rows."""
        return learned_rules(self.rules)


def learned_rules(rules: CleanRules) -> bool:
    """Whether rules need training rows."""
    return rules.missing in LEARNED or rules.indicators or rules.outliers != "none"


def learns(section: CleanSection) -> bool:
    """Whether a section holds rules that need training rows."""
    return any(learned_rules(rules) for rules in (section, *section.groups.values()))


def rule_groups(section: CleanSection, raw: FeatureSpec) -> tuple[RuleGroup, ...]:
    """The rules of every feature, each feature in one group: the first that names it.

    Raises:
        ConfigError: an unknown group, one that is left without features, or rules that do not
            fit the kind of the features.
    """
    free = np.ones(len(raw.names), dtype=bool)
    found = []
    for name, rules in section.groups.items():
        if name not in raw.groups:
            raise ConfigError(
                "clean.groups names no group of the features",
                received=name,
                expected=nearest(name, raw.groups),
            )
        columns = raw.columns(raw.groups[name])
        columns = np.sort(columns[free[columns]])
        if not len(columns):
            raise ConfigError(
                f"clean.groups.{name} is left without features",
                received="all of them belong to groups named before it",
                hint="Put it first or leave it out",
            )
        free[columns] = False
        found.append(RuleGroup(name, rules, columns))
    if free.any():
        own = CleanRules.model_validate(section.model_dump(include=set(CleanRules.model_fields)))
        found.append(RuleGroup("", own, np.flatnonzero(free)))
    for group in found:
        _check(group, raw)
    return tuple(found)


def _check(group: RuleGroup, raw: FeatureSpec) -> None:
    key = f"clean.groups.{group.name}" if group.name else "clean"
    rules = group.rules
    if raw.dtype != np.int8:
        if rules.missing in ("centre", "own"):
            raise ConfigError(
                f"{key}.missing = {rules.missing!r} is for quintiles",
                received=f"{raw.dtype.name} features",
                expected="auto, constant, mean, median, mode or knn",
            )
        if rules.missing == "constant" and abs(rules.constant) > float(np.finfo(np.float32).max):
            raise ConfigError(f"{key}.constant is too large for float32", received=rules.constant)
    elif rules.missing == "constant" and rules.constant not in range(QUINTILES):
        raise ConfigError(
            f"{key}.constant is no quintile",
            received=rules.constant,
            expected=f"0 to {QUINTILES - 1}",
            hint=f"Set {key}.missing = 'own' for a code of their own",
        )
