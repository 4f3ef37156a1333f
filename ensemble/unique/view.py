"""What is known beside a prediction of the rows of one era, live rows included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError, DataError
from erazoo.near import nearest
from erazoo.panel import MISSING_QUINTILE, OWN_CODE, FeatureSpec
from scoring.eras import EraSlices
from scoring.ranks import era_gaussian, era_ranks

Floats = NDArray[np.float64]
META_MODEL, BENCHMARKS, FEATURES = "meta_model", "benchmarks", "features"
WORDS = (META_MODEL, BENCHMARKS, FEATURES)
"""Names with a meaning of their own, beside groups of features and benchmark columns."""


@dataclass(frozen=True)
class EraView:
    """The rows of one era without any target and without the meta model.

    Args:
        era: its label.
        spec: the features.
        features: (n, F) as the shards hold them.
        benchmarks: (n,) predictions by name; those that the era lacks are absent.
        members: (n,) predictions of the ensemble's members by name.
    """

    era: str
    spec: FeatureSpec
    features: NDArray[Any]
    benchmarks: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    members: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.features)

    def group(self, name: str) -> NDArray[Any]:
        """The features (n, K) of a set or group, missing quintiles at the centre.

        Raises:
            ConfigError: no such group.
        """
        columns = self.features
        if name != FEATURES:
            columns = columns[:, self.spec.columns(group_members(self.spec, name))]
        if self.spec.dtype == np.int8 and self.spec.missing == OWN_CODE:
            return np.where(columns == OWN_CODE, np.int8(MISSING_QUINTILE), columns)
        return np.asarray(columns)

    def benchmark(self, name: str) -> Floats:
        """A benchmark's ranks as normal quantiles, (n,).

        Raises:
            DataError: the era has no predictions of it, or not of every row.
        """
        return gaussian(_whole(name, "benchmark", self.benchmarks.get(name), self.era))

    def member(self, name: str) -> Floats:
        """A member's ranks as normal quantiles, (n,).

        Raises:
            DataError: the era has no predictions of it, or not of every row.
        """
        return gaussian(_whole(name, "member", self.members.get(name), self.era))


def group_members(spec: FeatureSpec, name: str) -> tuple[str, ...]:
    """The features of a set or group.

    Raises:
        ConfigError: no such group.
    """
    if name == FEATURES:
        return spec.names
    if name not in spec.groups:
        raise ConfigError(
            "there is no such group of features",
            received=name,
            expected=nearest(name, spec.groups),
        )
    return spec.groups[name]


def check_names(names: Iterable[str], spec: FeatureSpec, benchmarks: Sequence[str]) -> None:
    """Refuse what a prediction cannot be neutralised to.

    Raises:
        ConfigError: neither a word of `WORDS` nor a benchmark's column nor a group of features.
    """
    known = [*WORDS, *benchmarks, *spec.groups]
    for name in names:
        if name not in known:
            raise ConfigError(
                "predictions cannot be neutralised to this",
                received=name,
                expected=nearest(name, known),
            )
    if BENCHMARKS in names and not benchmarks:
        raise ConfigError("the data carry no benchmarks", received=BENCHMARKS)


def gaussian(values: NDArray[Any]) -> Floats:
    """Ranks of one era's values (n,) as normal quantiles."""
    return era_gaussian(values, one_era(len(values)))


def ranked(values: NDArray[Any]) -> Floats:
    """Ranks of one era's values, (n,) or (n, K), in (0, 1)."""
    return era_ranks(values, one_era(len(values)))


def one_era(rows: int) -> EraSlices:
    """The slices of rows that are all of one era."""
    return EraSlices(("era",), np.array([0, rows], dtype=np.int64))


def _whole(name: str, kind: str, values: NDArray[Any] | None, era: str) -> Floats:
    column = None if values is None else np.asarray(values, dtype=np.float64)
    if column is None or not np.isfinite(column).all():
        lacking = "none" if column is None else f"{int((~np.isfinite(column)).sum())} rows without"
        raise DataError(f"the {kind} {name!r} does not cover era {era}", received=lacking)
    return column
