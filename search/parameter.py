"""One parameter of a space: a value, a list of values, or a range."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from erazoo.errors import ConfigError
from erazoo.near import nearest
from search.expression import Expression

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Scalar = bool | int | float | str
RANGE = ("low", "high", "step", "log", "when")
LISTED = ("values", "when")


class Kind(Protocol):
    """What values a parameter takes."""

    def suggest(self, trial: BaseTrial, name: str) -> Scalar:
        """Ask a trial of optuna for a value."""
        ...

    def holds(self, value: Any) -> bool:
        """Whether a value is one of these."""
        ...

    def samples(self) -> tuple[Scalar, ...]:
        """Values by which one sees whether a model takes all of them."""
        ...


@dataclass(frozen=True)
class Constant:
    """One value, of which the sampler is not asked."""

    value: Scalar

    def suggest(self, trial: BaseTrial, name: str) -> Scalar:  # noqa: ARG002
        """The value."""
        return self.value

    def holds(self, value: Any) -> bool:
        """Whether it is the value."""
        return bool(value == self.value)

    def samples(self) -> tuple[Scalar, ...]:
        """The value."""
        return (self.value,)


@dataclass(frozen=True)
class Listed:
    """Values of a list; ascending numbers have an order, which samplers know of."""

    values: tuple[Scalar, ...]

    @property
    def ordered(self) -> bool:
        """Whether the values are ascending numbers."""
        numbers = [v for v in self.values if is_number(v)]
        return len(numbers) == len(self.values) and numbers == sorted(numbers)

    def suggest(self, trial: BaseTrial, name: str) -> Scalar:
        """Ask for one of them; of ordered ones by place."""
        if self.ordered:
            return self.values[trial.suggest_int(name, 0, len(self.values) - 1)]
        place = self.values.index(trial.suggest_categorical(name, list(self.values)))
        return self.values[place]

    def holds(self, value: Any) -> bool:
        """Whether it stands in the list."""
        return value in self.values

    def samples(self) -> tuple[Scalar, ...]:
        """All of them."""
        return self.values


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones where both are."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def suggest(self, trial: BaseTrial, name: str) -> Scalar:
        """Ask for a number."""
        if self.whole:
            step = int(self.step or 1)
            return trial.suggest_int(name, int(self.low), int(self.high), step=step, log=self.log)
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def holds(self, value: Any) -> bool:
        """Whether a number lies in the range, and on one of its steps."""
        if not is_number(value) or not self.low <= value <= self.high:
            return False
        if self.whole and not isinstance(value, int):
            return False
        if self.step is None:
            return True
        steps: float = (value - self.low) / self.step
        return abs(steps - round(steps)) < 1e-9

    def samples(self) -> tuple[Scalar, ...]:
        """Both ends, and the first step or some number between them that is not whole."""
        if self.whole:
            return (self.low, self.high)
        step = (self.high - self.low) / math.pi if self.step is None else self.step
        return (self.low, min(self.low + step, self.high), self.high)


@dataclass(frozen=True)
class Parameter:
    """A parameter by name.

    Args:
        name: as the model has it, or `target` or `features`.
        kind: its values.
        when: holds where the parameter is there at all; None for always.
        entry: as it stands in the configuration.
    """

    name: str
    kind: Kind
    when: Expression | None
    entry: Any = field(compare=False)

    @classmethod
    def of(cls, name: str, entry: Any) -> Parameter:
        """Read an entry of the configuration.

        Raises:
            ConfigError: it is none of the forms that a parameter has.
        """
        if isinstance(entry, Mapping):
            when = entry.get("when")
            return cls(name, _kind(name, entry), when and Expression.of(when), dict(entry))
        if isinstance(entry, list | tuple):
            return cls(name, _listed(name, entry), None, list(entry))
        if isinstance(entry, Scalar):
            return cls(name, Constant(entry), None, entry)
        raise _refused(name, entry, "a value, a list, or a table with low and high")

    def active(self, values: Mapping[str, Any]) -> bool:
        """Whether it is there beside the parameters before it."""
        when = self.when
        return when is None or (when.names <= values.keys() and when.holds(values))


def _kind(name: str, entry: Mapping[str, Any]) -> Kind:
    form = LISTED if "values" in entry else RANGE
    for key in entry:
        if key not in form:
            raise ConfigError(
                f"unknown key in mine.space.{name}",
                received=key,
                expected=nearest(str(key), form),
            )
    if form is LISTED:
        values = entry["values"]
        return _listed(name, values) if isinstance(values, list | tuple) else Constant(values)
    return _range(name, entry)


def _listed(name: str, values: Any) -> Listed:
    if not values or not all(isinstance(v, Scalar) for v in values):
        raise _refused(name, values, "at least one value, each a number, a text, true or false")
    if len({repr(value) for value in values}) < len(values):
        raise _refused(name, values, "each value once")
    return Listed(tuple(values))


def _range(name: str, entry: Mapping[str, Any]) -> Range:
    low, high, step, log = (entry.get(key) for key in ("low", "high", "step", "log"))
    if not is_number(low) or not is_number(high) or not low <= high:
        raise _refused(name, entry, "numbers low and high, low not above high")
    if step is not None and (not is_number(step) or step <= 0):
        raise _refused(name, entry, "a step above 0")
    if log not in (None, True, False) or (log and (step is not None or low <= 0)):
        raise _refused(name, entry, "a log range above 0 and without step")
    whole = isinstance(low, int) and isinstance(high, int)
    if whole and step is not None and not isinstance(step, int):
        raise _refused(name, entry, "a whole step between whole numbers")
    if not whole:
        low, high = float(low), float(high)
    return Range(low, high, step, bool(log))


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a finite number, and not True or False."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refused(name: str, received: Any, expected: str) -> ConfigError:
    return ConfigError(f"mine.space.{name} cannot be read", received=received, expected=expected)
