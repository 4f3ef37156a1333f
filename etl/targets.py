"""Targets made of others: computed on whole eras, before any row is reordered or left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.config import Config
from erazoo.config.schema import TargetEntry
from erazoo.errors import ConfigError
from erazoo.near import nearest
from erazoo.panel import EraBlock
from scoring.ranks import double_ranks, gaussian_ranks


@dataclass(frozen=True)
class MadeTarget:
    """A target of the configuration, tied to the columns of a panel.

    Args:
        name: of the new column.
        entry: how it is made.
        columns: of the targets that it is made of.
        reference: the column of the predictions that a residual is taken to, else None.
    """

    name: str
    entry: TargetEntry
    columns: tuple[int, ...]
    reference: int | None = None

    @classmethod
    def of(
        cls, name: str, entry: TargetEntry, targets: Sequence[str], references: Sequence[str]
    ) -> MadeTarget:
        """The target of a panel with these targets and references.

        Raises:
            ConfigError: its name is taken, or the reference is not there.
        """
        if name in targets:
            raise ConfigError("a made target has the name of a column", received=f"targets.{name}")
        if entry.to and entry.to not in references:
            raise ConfigError(
                f"targets.{name} is a residual to predictions that the data lack",
                received=entry.to,
                expected=nearest(entry.to, references),
            )
        columns = tuple(list(targets).index(column) for column in entry.of)
        return cls(name, entry, columns, references.index(entry.to) if entry.to else None)

    def values(self, block: EraBlock) -> NDArray[np.float32]:
        """The target (n,) of the rows of one whole era.

        It is NaN where one of `entry.of` is, or the reference.
        """
        parts = block.targets[:, list(self.columns)].astype(np.float64)
        blend = np.average(parts, axis=1, weights=self.entry.weights or None)
        beside = None
        if self.reference is not None:
            beside = block.references[:, self.reference].astype(np.float64)
        known = np.isfinite(blend) & (True if beside is None else np.isfinite(beside))
        made = np.full(len(block), np.nan, dtype=np.float32)
        if known.any():
            made[known] = self._transformed(blend[known], None if beside is None else beside[known])
        return made

    def _transformed(
        self, values: NDArray[np.float64], beside: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        if beside is not None:
            return residual(values, beside)
        if self.entry.transform == "rank":
            return np.asarray((double_ranks(values[None])[0] + 1) / (2 * len(values)))
        if self.entry.transform == "gaussian":
            return np.asarray(gaussian_ranks(values[None])[0])
        return values


def residual(values: NDArray[np.float64], predictions: NDArray[np.float64]) -> NDArray[np.float64]:
    """What least squares on a constant and the gaussianised predictions leaves of an era.

    Args:
        values: (n,) the target.
        predictions: (n,) of a model; their tie-kept ranks as normal quantiles are taken.
    """
    beside = gaussian_ranks(predictions[None])[0]
    beside -= beside.mean()
    centred = values - values.mean()
    square = float(beside @ beside)
    if square == 0:
        return np.asarray(centred)
    return np.asarray(centred - beside * (float(beside @ centred) / square))


def made_targets(
    config: Config, targets: Sequence[str], references: Sequence[str]
) -> tuple[MadeTarget, ...]:
    """The targets of `[targets]` for a panel with these targets and references.

    Raises:
        ConfigError: one cannot be made of them.
    """
    entries = config.targets.items()
    return tuple(MadeTarget.of(name, entry, targets, references) for name, entry in entries)


def with_made(block: EraBlock, made: Sequence[MadeTarget]) -> EraBlock:
    """A whole era with further target columns."""
    if not made:
        return block
    columns = [target.values(block)[:, None] for target in made]
    return replace(block, targets=np.hstack([block.targets, *columns]))


def base_columns(config: Config, target: str) -> tuple[str, ...]:
    """The columns of the data that a target, made or not, is made of."""
    return config.targets[target].of if target in config.targets else (target,)


def needed_columns(config: Config) -> tuple[str, ...]:
    """The columns that shards carry beside `data.target`, patterns included."""
    made = [column for entry in config.targets.values() for column in entry.of]
    return tuple(dict.fromkeys((*config.data.extra_targets, *made)))


def learned_columns(config: Config) -> tuple[str, ...]:
    """The columns that labels of enabled models come from, `data.target` first.

    Those of the further heads of networks are among them.
    """
    learned = [config.data.target]
    for entry in config.models.values():
        if entry.enabled:
            learned += [*entry.learns(config.data.target), *_further(entry.params)]
    columns = [column for target in learned for column in base_columns(config, target)]
    return tuple(dict.fromkeys(columns))


def _further(params: Any) -> tuple[str, ...]:
    """The targets of a network's further heads, as its parameters name them."""
    head = params.get("head")
    further = head.get("auxiliary") if isinstance(head, dict) else None
    return tuple(further) if isinstance(further, dict) else ()
