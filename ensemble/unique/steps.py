"""Post-processing as a list of small frozen steps, applied to one era at a time.

Nothing here knows a target or the meta model: the same steps with the same numbers are applied to
past and to live rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ensemble.unique.segments import Shift, displacement
from ensemble.unique.stand_in import StandIn
from ensemble.unique.view import EraView, Floats, gaussian, ranked
from erazoo.errors import ArtifactError, ConfigError, DataError
from scoring.factor import EraFactor


class Step(Protocol):
    """One change of an era's predictions."""

    kind: ClassVar[str]

    @property
    def reads(self) -> tuple[str, ...]:
        """The benchmark columns that it needs."""

    def change(self, values: Floats, view: EraView) -> Floats:
        """Predictions (n,) in [0, 1] from predictions (n,)."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a recipe, `kind` among them."""


@dataclass(frozen=True)
class Neutralise:
    """A share of what is linear in other columns is taken off, as numerai-tools does.

    Normal quantiles of the prediction's ranks lose `proportion` of their least-squares fit on the
    neutralizers and a constant, and are ranked again. Benchmarks and the stand-in enter as normal
    quantiles of their ranks, features as they are.

    Args:
        proportion: 0 to 1.
        groups: of features; `features` are all of them.
        benchmarks: columns.
        stand_in: for the meta model.
    """

    kind: ClassVar[str] = "neutralise"

    proportion: float
    groups: tuple[str, ...] = ()
    benchmarks: tuple[str, ...] = ()
    stand_in: StandIn | None = None

    def __post_init__(self) -> None:
        anything = self.groups or self.benchmarks or self.stand_in
        if not anything or not 0 <= self.proportion <= 1:
            raise ConfigError(
                "predictions are neutralised to something, by a proportion of 0 to 1",
                received=f"{self.proportion} to {'some' if anything else 'no'} columns",
            )

    @property
    def reads(self) -> tuple[str, ...]:
        """See `Step`."""
        beside = self.stand_in.inputs.benchmarks if self.stand_in is not None else ()
        return tuple(dict.fromkeys((*self.benchmarks, *beside)))

    def change(self, values: Floats, view: EraView) -> Floats:
        """See `Step`.

        Raises:
            ConfigError: an unknown group, or as many neutralizers as rows.
            DataError: a benchmark that does not cover the era.
        """
        normal = gaussian(values)
        return ranked(self.factor(view).residual(normal, self.proportion))

    def factor(self, view: EraView) -> EraFactor:
        """The neutralizers of an era, factorised.

        Raises:
            ConfigError: an unknown group, or as many neutralizers as rows.
            DataError: a benchmark that does not cover the era.
        """
        parts = [view.group(name) for name in self.groups]
        beside = [view.benchmark(name) for name in self.benchmarks]
        beside += [self.stand_in.predict(view)] if self.stand_in is not None else []
        parts += [np.stack(beside, axis=1)] if beside else []
        columns = np.hstack(parts) if len(parts) > 1 else parts[0]
        if len(view) <= columns.shape[1] + 1:
            raise ConfigError(
                "too few rows to neutralise: nothing but rounding would be left",
                received=f"{len(view)} rows and {columns.shape[1]} neutralizers in era {view.era}",
                expected="more rows than neutralizers",
                hint="Name fewer or smaller groups in ensemble.unique.to",
            )
        return EraFactor(columns)

    def to_dict(self) -> dict[str, Any]:
        """See `Step`."""
        return {
            "kind": self.kind,
            "proportion": self.proportion,
            "groups": list(self.groups),
            "benchmarks": list(self.benchmarks),
            "stand_in": self.stand_in.to_dict() if self.stand_in is not None else None,
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        held = value["stand_in"]
        return cls(
            float(value["proportion"]),
            tuple(value["groups"]),
            tuple(value["benchmarks"]),
            StandIn.from_dict(held) if held is not None else None,
        )


@dataclass(frozen=True)
class Segments:
    """Rows of high segments are shifted, all shifts together, and clipped to [0, 1].

    Shifts start from the prediction's ranks within the era.

    Args:
        shifts: one or more.
    """

    kind: ClassVar[str] = "segments"

    shifts: tuple[Shift, ...]

    def __post_init__(self) -> None:
        if not self.shifts:
            raise ConfigError("a segment adjustment needs a shift", received="none")

    @property
    def reads(self) -> tuple[str, ...]:
        """See `Step`."""
        return ()

    def change(self, values: Floats, view: EraView) -> Floats:
        """See `Step`.

        Raises:
            ConfigError: an unknown group.
        """
        return np.clip(ranked(values) + self.displacement(view), 0.0, 1.0)

    def displacement(self, view: EraView) -> Floats:
        """The sum of all shifts, (n,)."""
        total = np.zeros(len(view))
        for shift in self.shifts:
            total += displacement(shift, view)
        return total

    def to_dict(self) -> dict[str, Any]:
        """See `Step`."""
        return {"kind": self.kind, "shifts": [asdict(shift) for shift in self.shifts]}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(tuple(Shift(**shift) for shift in value["shifts"]))


KINDS: dict[str, type[Neutralise] | type[Segments]] = {
    step.kind: step for step in (Neutralise, Segments)
}


def apply(steps: Sequence[Step], values: NDArray[Any], view: EraView) -> NDArray[np.float32]:
    """Predictions of one era after all steps.

    Args:
        steps: in order; none leaves the values as they are.
        values: (n,) finite predictions.
        view: the same rows.

    Returns:
        (n,) in [0, 1] after any step.

    Raises:
        ConfigError: a step that asks for an unknown group.
        DataError: predictions that do not fit the rows, or a benchmark that does not cover them.
    """
    column = np.asarray(values, dtype=np.float64)
    if column.shape != (len(view),) or not np.isfinite(column).all():
        raise DataError(
            f"the predictions of era {view.era} cannot be changed",
            received=f"shape {column.shape}, {int((~np.isfinite(column)).sum())} not finite",
            expected=f"({len(view)},), finite",
        )
    for step in steps:
        column = step.change(column, view)
    return column.astype(np.float32)


def steps_to_json(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Steps as plain values for a recipe."""
    return [step.to_dict() for step in steps]


def steps_from_json(values: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The inverse of `steps_to_json`.

    Raises:
        ArtifactError: a step of an unknown kind, or one that is damaged.
    """
    try:
        return tuple(KINDS[str(value["kind"])].from_dict(value) for value in values)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            "a recipe's post-processing cannot be read",
            received=f"{type(error).__name__}: {error}",
            expected=" or ".join(KINDS),
            hint="Run `erazoo ensemble` again",
        ) from None
