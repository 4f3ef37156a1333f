"""Panels: era-structured tables that are read one era at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import SchemaError
from erazoo.near import nearest

QUINTILES = 5
MISSING_QUINTILE = 2
OWN_CODE = 5
"""The code of a missing quintile that is told apart from the centre."""


@dataclass(frozen=True)
class FeatureSpec:
    """The features of a panel: their names and order, groups and value type.

    Args:
        names: feature columns, in the order of the matrix columns.
        groups: named subsets of `names` (feature sets and trait groups).
        dtype: int8 for quintiles 0..4, float32 otherwise.
        missing: the code that stands for a missing value, None where NaN does.
        cleaning: a digest of what was learned for cleaning them, empty where nothing was.
    """

    names: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.int8))
    missing: int | None = MISSING_QUINTILE
    cleaning: str = ""

    def __post_init__(self) -> None:
        if not self.names:
            raise SchemaError("a panel needs at least one feature", received="none")
        if len(set(self.names)) != len(self.names):
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise SchemaError("feature names are not unique", received=", ".join(twice[:5]))
        known = set(self.names)
        for group, members in self.groups.items():
            foreign = [m for m in members if m not in known]
            if foreign:
                raise SchemaError(
                    f"feature group {group!r} names a feature that the panel lacks",
                    received=foreign[0],
                )

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with names, order, dtype, missing code or cleaning."""
        text = json.dumps([list(self.names), self.dtype.str, self.missing, self.cleaning])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def columns(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Positions of `names` in the matrix, shape (len(names),).

        Raises:
            SchemaError: a name is not a feature of this panel.
        """
        position = {name: j for j, name in enumerate(self.names)}
        for name in names:
            if name not in position:
                raise SchemaError(
                    "unknown feature", received=name, expected=nearest(name, self.names)
                )
        return np.array([position[name] for name in names], dtype=np.int64)

    def narrowed(self, names: Collection[str]) -> FeatureSpec:
        """These features without others than `names`, in the order that they have here.

        Groups are cut to them; those without any are left out.

        Raises:
            SchemaError: a name is not a feature of this panel, or there is none.
        """
        self.columns(tuple(names))
        wanted = set(names)
        cut = {g: tuple(m for m in members if m in wanted) for g, members in self.groups.items()}
        return replace(
            self,
            names=tuple(name for name in self.names if name in wanted),
            groups={group: members for group, members in cut.items() if members},
        )

    def centred(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Features (n, F) for models that reckon with them: missing quintiles at the centre, 0.

        Float features are taken as they are.
        """
        if self.dtype != np.int8:
            return features.astype(np.float32)
        middle = features - np.int8(MISSING_QUINTILE)
        if self.missing == OWN_CODE:
            middle[features == OWN_CODE] = 0
        return middle.astype(np.float32)

    def to_json(self) -> dict[str, object]:
        """The specification as plain values, for a manifest."""
        return {
            "names": list(self.names),
            "groups": {k: list(v) for k, v in self.groups.items()},
            "dtype": self.dtype.name,
            "missing": self.missing,
            "cleaning": self.cleaning,
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FeatureSpec:
        """The inverse of `to_json`; a fingerprint that does not fit raises SchemaError."""
        spec = cls(
            names=tuple(value["names"]),
            groups={k: tuple(v) for k, v in value["groups"].items()},
            dtype=np.dtype(value["dtype"]),
            missing=value["missing"],
            cleaning=value["cleaning"],
        )
        if spec.fingerprint != value["fingerprint"]:
            raise SchemaError(
                "the feature list does not fit its fingerprint",
                received=spec.fingerprint,
                expected=value["fingerprint"],
            )
        return spec


@dataclass(frozen=True)
class EraBlock:
    """Rows of ONE era.

    Args:
        era: the era's label.
        ids: (rows,) row identifiers, unique in a panel.
        features: (rows, F) int8 or float32.
        targets: (rows, T) float32, NaN where unresolved.
        references: (rows, R) float32: meta-model and benchmark predictions, NaN where absent.
        weights: (rows,) float32: how much a row counts in training, 0 for a row that is left
            out of it; None where every row counts once. Validation never looks at them.
    """

    era: str
    ids: NDArray[np.object_]
    features: NDArray[Any]
    targets: NDArray[np.float32]
    references: NDArray[np.float32]
    weights: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: slice | NDArray[Any]) -> EraBlock:
        """Some rows of the block, by a slice, positions or a mask."""
        return EraBlock(
            self.era,
            self.ids[rows],
            self.features[rows],
            self.targets[rows],
            self.references[rows],
            None if self.weights is None else self.weights[rows],
        )

    def training(self) -> EraBlock:
        """The rows that count in training."""
        if self.weights is None or bool((self.weights > 0).all()):
            return self
        return self.take(self.weights > 0)


class Panel(Protocol):
    """A re-iterable, era-ordered table that is never held as one frame."""

    @property
    def spec(self) -> FeatureSpec:
        """The features of every block."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the target columns, in the order of `EraBlock.targets`."""

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the reference columns, in the order of `EraBlock.references`."""

    def eras(self) -> tuple[str, ...]:
        """All era labels in chronological order."""

    def blocks(self, eras: Sequence[str] | None = None) -> Iterator[EraBlock]:
        """Blocks in era order; only those of `eras` where given."""
