"""What cleaning does to a matrix of features."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.config.schema import CleanRules
from erazoo.errors import ConfigError
from erazoo.panel import OWN_CODE, FeatureSpec
from erazoo.publish import json_text
from etl.cleaning import store
from etl.cleaning.fitted import FittedGroup
from etl.cleaning.missing import missing_mask

INDICATOR = "_missing"
INDICATORS = "missing_indicators"
"""The group of all indicators."""
PLAIN = ("auto", "centre")
"""Ways of filling that a schema's code for missing values says already."""


@dataclass(frozen=True)
class Cleaning:
    """A fitted cleaning.

    Args:
        raw: the features as they are read.
        groups: the rules, with what was learned; each feature in one of them.
        learned_from: `eras` and `rows` of the training rows that were learned from, if any.
    """

    raw: FeatureSpec
    groups: tuple[FittedGroup, ...]
    learned_from: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = set(self.raw.names)
        for column in self._indicated:
            if (name := self.raw.names[column] + INDICATOR) in names:
                raise ConfigError("a feature has the name of an indicator", received=name)
        if len(self._indicated) and INDICATORS in self.raw.groups:
            raise ConfigError("a group has the name of all indicators", received=INDICATORS)

    @cached_property
    def spec(self) -> FeatureSpec:
        """The features as they come out: the raw ones, then the indicators."""
        own = any(g.group.rules.missing == "own" for g in self.groups)
        plain = all(
            g.group.rules.missing in PLAIN and g.limits is None and not g.removes
            for g in self.groups
        )
        indicators = tuple(self.raw.names[column] + INDICATOR for column in self._indicated)
        return replace(
            self.raw,
            names=self.raw.names + indicators,
            groups={**self.raw.groups, INDICATORS: indicators} if indicators else self.raw.groups,
            missing=OWN_CODE if own else self.raw.missing,
            cleaning="" if plain and not indicators else self.digest[:16],
        )

    @property
    def removes(self) -> bool:
        """Whether rows may be left out of training."""
        return any(group.removes for group in self.groups)

    def features(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Clean features (n, F'), from raw ones (n, F) that it may overwrite.

        The result is `raw` itself unless there are indicators. Memory: masks of a thousand rows;
        for what KNN holds see `Neighbours`.
        """
        clean, width = raw, raw.shape[1]
        if len(self._indicated):
            clean = np.empty((len(raw), len(self.spec.names)), dtype=raw.dtype)
            clean[:, :width] = raw
            clean[:, width:] = missing_mask(raw[:, self._indicated])
        for group in self.groups:
            group.clean(clean[:, :width])
        return clean

    def outlying(self, raw: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Rows (n,) that are left out of training; None where none ever is."""
        found = [group.outlying(raw) for group in self.groups if group.removes]
        return np.logical_or.reduce(found) if found else None

    @cached_property
    def digest(self) -> str:
        """The sha256 of `cleaning.json`, which holds that of `cleaning.npz`."""
        return hashlib.sha256(self._text.encode()).hexdigest()

    @property
    def checksums(self) -> dict[str, str]:
        """The sha256 of each file that `save` writes, by name."""
        return {store.RULES: self.digest, store.LEARNED: self._learned}

    def describe(self) -> dict[str, Any]:
        """As plain values, for the manifest."""
        return {
            "digest": self.digest,
            "raw": self.raw.fingerprint,
            "learned_from": dict(self.learned_from),
            "groups": [
                {
                    "name": g.group.name,
                    "features": len(g.group.columns),
                    "indicators": len(g.indicated),
                    "rules": g.group.rules.model_dump(),
                }
                for g in self.groups
            ],
        }

    def save(self, folder: Path) -> list[Path]:
        """Write what was learned to `folder`; the files written."""
        return store.save(folder, self._text, store.packed(self._arrays))

    @classmethod
    def load(cls, folder: Path) -> Cleaning:
        """Read what `save` wrote beside the manifest of a shard set.

        Raises:
            ShardError: a file is missing, damaged or not the one that the manifest names.
        """
        document, arrays = store.load(folder)
        groups = []
        for number, (name, rules) in enumerate(document["groups"]):
            own = f"{number}."
            held = {key.removeprefix(own): arrays[key] for key in arrays if key.startswith(own)}
            groups.append(FittedGroup.of(name, CleanRules.model_validate(rules), held))
        raw = FeatureSpec.from_json(document["raw"])
        return cls(raw, tuple(groups), document["learned_from"])

    @cached_property
    def _indicated(self) -> NDArray[np.int64]:
        return np.sort(np.concatenate([group.indicated for group in self.groups]))

    @property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {
            f"{number}.{name}": values
            for number, group in enumerate(self.groups)
            for name, values in group.arrays().items()
        }

    @cached_property
    def _learned(self) -> str:
        return hashlib.sha256(store.packed(self._arrays)).hexdigest()

    @cached_property
    def _text(self) -> str:
        document = {
            "raw": self.raw.to_json(),
            "learned_from": dict(self.learned_from),
            "groups": [[g.group.name, g.group.rules.model_dump()] for g in self.groups],
            "arrays": self._learned,
        }
        return json_text(document)
