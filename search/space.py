"""A space of parameters with conditions and constraints, from which trials are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from erazoo.config.mine import MineSection
from erazoo.errors import ConfigError
from search.expression import Expression
from search.parameter import Parameter, Scalar
from search.presets import PRESETS

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

TARGET, FEATURES, TREES = "target", "features", "n_estimators"
"""Parameters of a trial that are no options of the model, and the one that prefixes vary."""
Values = dict[str, Scalar]


@dataclass(frozen=True)
class Space:
    """Parameters in order, and expressions that hold for every set of values.

    Args:
        parameters: a condition of one may name those before it.
        constraints: of all together; one that names a parameter which is not there holds.
    """

    parameters: tuple[Parameter, ...]
    constraints: tuple[Expression, ...] = ()

    def __post_init__(self) -> None:
        known: list[str] = []
        for parameter in self.parameters:
            if parameter.when is not None:
                parameter.when.check_names(known)
            known.append(parameter.name)
        for constraint in self.constraints:
            constraint.check_names(known)

    @classmethod
    def of(cls, section: MineSection, targets: Sequence[str]) -> Space:
        """The space of a configuration: its preset, its own entries on top, and the targets.

        Args:
            section: of the configuration.
            targets: learned ones; a parameter where there are several and none is given.

        Raises:
            ConfigError: an entry or an expression that cannot be read, or nothing to search.
        """
        entries, texts = dict[str, Any](), tuple[str, ...]()
        if section.preset:
            preset = PRESETS[section.preset]
            entries, texts = dict(preset.space), preset.constraints
        entries.update(section.space)
        if not entries:
            raise ConfigError(
                "there is nothing to mine",
                expected="parameters in [mine.space], or mine.preset = 'published'",
            )
        if TARGET not in entries:
            entries[TARGET] = list(targets) if len(targets) > 1 else targets[0]
        parameters = tuple(Parameter.of(name, entry) for name, entry in entries.items())
        constraints = dict.fromkeys((*texts, *section.constraints))
        return cls(parameters, tuple(Expression.of(text) for text in constraints))

    def suggest(self, trial: BaseTrial) -> Values:
        """Values for a trial of optuna, which may break a constraint; see `allows`."""
        values: Values = {}
        for parameter in self.parameters:
            if parameter.active(values):
                values[parameter.name] = parameter.kind.suggest(trial, parameter.name)
        return values

    def allows(self, values: Mapping[str, Any]) -> bool:
        """Whether every constraint holds.

        Raises:
            ConfigError: one cannot be calculated.
        """
        return all(constraint.holds(values) for constraint in self.constraints)

    def contains(self, values: Mapping[str, Any]) -> bool:
        """Whether values are some that a trial may have."""
        before: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.active(before) is not (parameter.name in values):
                return False
            if parameter.name in values:
                if not parameter.kind.holds(values[parameter.name]):
                    return False
                before[parameter.name] = values[parameter.name]
        return before.keys() == values.keys() and self.allows(values)

    def to_json(self) -> dict[str, Any]:
        """The space as plain values, in order."""
        return {
            "parameters": [[one.name, one.entry] for one in self.parameters],
            "constraints": [one.text for one in self.constraints],
        }
