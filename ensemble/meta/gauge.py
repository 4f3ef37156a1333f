"""What is measured of an era's features: margins, missing values and how they move together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import DataError
from erazoo.panel import OWN_CODE, FeatureSpec

MOST_FEATURES, MOST_GROUPS, MOST_SINGLE = 512, 24, 16
"""Features and groups that are read, and float features whose margins are told one by one."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MARGINS = ("mean", "std", *(f"q{100 * q:02.0f}" for q in QUANTILES), "skew")
_WHOLE = "features"
Table = NDArray[np.float64]


@dataclass(frozen=True)
class EraGauge:
    """Turns an era's features into named numbers; no target is in them.

    Args:
        features: names of the F features that are read.
        groups: positions among them, by group.
        basis: (F, K) orthonormal directions that the correlation structure is told along.
        discrete: whether features are quintiles, whose margins are uniform by construction.
    """

    features: tuple[str, ...]
    groups: Mapping[str, tuple[int, ...]]
    basis: Table
    discrete: bool

    @classmethod
    def fit(cls, spec: FeatureSpec, eras: Iterable[NDArray[Any]], directions: int) -> EraGauge:
        """Choose features and find the directions along which some eras are stretched most.

        These are the leading eigenvectors of the mean squared correlation matrix, in which a
        co-movement counts whose sign differs from era to era too.

        Args:
            spec: of the panel.
            eras: features (n, F) of each era that is learned from.
            directions: K at most.

        Memory: two matrices of at most 512 x 512, and one era.

        Raises:
            DataError: no era.
        """
        names = chosen_features(spec)
        blank = cls(names, chosen_groups(spec, names), np.empty((len(names), 0)), _discrete(spec))
        columns, total = spec.columns(names), np.zeros((len(names), len(names)))
        count = 0
        for features in eras:
            likeness = _correlations(blank._scaled(features[:, columns]))
            total += likeness @ likeness
            count += 1
        if not count:
            raise DataError("no era to fit the statistics on")
        _, vectors = np.linalg.eigh(total / count)
        kept = vectors[:, ::-1][:, : min(directions, len(names))]
        return cls(names, blank.groups, _signed(kept), blank.discrete)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """(S,) what each number of `measure` is."""
        k = self.basis.shape[1]
        where = self._margin_places
        return (
            *(f"spectrum {i + 1}" for i in range(k)),
            "spectrum rest",
            *(f"direction {i + 1} with {j + 1}" for i, j in zip(*np.triu_indices(k), strict=True)),
            *(f"{a} with {b}" for a, b in itertools.combinations(self.groups, 2)),
            *(f"missing {name}" for name in (_WHOLE, *self.groups)),
            *(f"{margin} {name}" for name in where for margin in _MARGINS),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, every bit of them."""
        return {
            "features": list(self.features),
            "groups": {name: list(places) for name, places in self.groups.items()},
            "basis": self.basis.tolist(),
            "discrete": self.discrete,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> EraGauge:
        """The inverse of `to_json`."""
        groups = {name: tuple(places) for name, places in value["groups"].items()}
        basis = np.array(value["basis"], dtype=np.float64)
        return cls(tuple(value["features"]), groups, basis, bool(value["discrete"]))

    def measure(self, features: NDArray[Any]) -> Table:
        """The statistics of one era.

        Args:
            features: (n, F) as stored, the columns of `features` in this order.

        Returns:
            (S,) finite; what is undefined (a correlation with a constant) is 0.
        """
        scaled = self._scaled(features)
        likeness = _correlations(scaled)
        k = self.basis.shape[1]
        spectrum = np.linalg.eigvalsh(likeness)[::-1] / len(self.features)
        along = self.basis.T @ likeness @ self.basis
        groups = [scaled[:, list(places)].mean(axis=1) for places in self.groups.values()]
        between = _correlations(_standard(np.array(groups).T)) if groups else np.empty((0, 0))
        parts = [
            spectrum[:k],
            [spectrum[k:].sum()],
            along[np.triu_indices(k)],
            between[np.triu_indices(len(groups), 1)],
            self._missing(features),
            self._margins(features),
        ]
        return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])

    def _scaled(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Features with mean 0 and variance 1, missing ones at the mean, constant ones 0."""
        return _standard(_present(features, self.discrete))

    def _missing(self, features: NDArray[Any]) -> list[float]:
        """The share of values that are missing or stand in a column without any variation."""
        values = _present(features, self.discrete)
        gone = np.isnan(values).mean(axis=0)
        gone = np.where(_constant(values), 1.0, gone)
        return [gone.mean(), *(gone[list(p)].mean() for p in self.groups.values())]

    @property
    def _margin_places(self) -> Mapping[str, tuple[int, ...]]:
        """Where margins are told: nowhere, of each feature or, of many, of each group."""
        if self.discrete:
            return {}
        if len(self.features) <= MOST_SINGLE:
            return {name: (j,) for j, name in enumerate(self.features)}
        return self.groups or {_WHOLE: tuple(range(len(self.features)))}

    def _margins(self, features: NDArray[Any]) -> Table:
        if self.discrete:
            return np.empty(0)
        each = _moments(features.astype(np.float64))
        found = [each[:, list(places)].mean(axis=1) for places in self._margin_places.values()]
        return np.concatenate(found)


def chosen_features(spec: FeatureSpec, most: int = MOST_FEATURES) -> tuple[str, ...]:
    """At most `most` features, evenly over the groups, in the order of the panel."""
    if len(spec.names) <= most:
        return spec.names
    groups = [list(spec.groups[name]) for name in telling_groups(spec)] or [list(spec.names)]
    spread = [[group[i] for i in _evenly(len(group), most)] for group in groups]
    turns = itertools.zip_longest(*spread)
    ordered = dict.fromkeys(name for turn in turns for name in turn if name is not None)
    taken = set(itertools.islice(ordered, most))
    return tuple(name for name in spec.names if name in taken)


def chosen_groups(spec: FeatureSpec, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Positions among `names` of the groups that tell something, those without any left out."""
    place = {name: j for j, name in enumerate(names)}
    found = {
        group: tuple(place[name] for name in spec.groups[group] if name in place)
        for group in telling_groups(spec)
    }
    return {group: places for group, places in found.items() if places}


def telling_groups(spec: FeatureSpec) -> tuple[str, ...]:
    """Groups that hold at most half of all features, the narrowest `MOST_GROUPS` of them."""
    widths = {name: len(members) for name, members in spec.groups.items()}
    narrow = [name for name, width in widths.items() if 0 < 2 * width <= len(spec.names)]
    kept = set(sorted(narrow, key=lambda name: widths[name])[:MOST_GROUPS])
    return tuple(name for name in narrow if name in kept)


def _discrete(spec: FeatureSpec) -> bool:
    return spec.dtype == np.int8


def _evenly(count: int, most: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})


def _present(features: NDArray[Any], discrete: bool) -> NDArray[np.float32]:
    """Features as float32, NaN where missing."""
    values = features.astype(np.float32)
    if discrete:
        values[features == OWN_CODE] = np.nan
    return values


def _constant(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    return np.asarray(~(high > low), dtype=np.bool_)


def _standard(values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    still = _constant(np.asarray(values, dtype=np.float32))
    there = ~np.isnan(values)
    count = np.maximum(there.sum(axis=0), 1)
    centred = np.where(there, values, 0.0) - np.where(there, values, 0.0).sum(axis=0) / count
    centred = np.where(there & ~still, centred, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / len(values))
    result = np.zeros(values.shape, dtype=np.float32)
    np.divide(centred, spread, out=result, where=~still & (spread > 0), casting="unsafe")
    return result


def _correlations(scaled: NDArray[np.float32]) -> Table:
    """Correlations of standardised columns; 0 with constant ones."""
    return np.asarray(scaled.T @ scaled / np.float32(len(scaled)), dtype=np.float64)


def _signed(vectors: Table) -> Table:
    """Vectors whose largest entry is positive, so that two machines agree on the sign."""
    largest = np.abs(vectors).argmax(axis=0)
    return np.asarray(vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])]))


def _moments(values: Table) -> Table:
    """(8, F) mean, std, quantiles and skew of each column over what is present; else 0."""
    result = np.zeros((len(_MARGINS), values.shape[1]))
    some = ~np.isnan(values).all(axis=0)
    held = values[:, some]
    mean, std = np.nanmean(held, axis=0), np.nanstd(held, axis=0)
    third = np.nanmean((held - mean) ** 3, axis=0)
    skew = np.divide(third, std**3, out=np.zeros_like(std), where=std > 0)
    result[:, some] = np.vstack([mean, std, np.nanquantile(held, QUANTILES, axis=0), skew])
    return result
