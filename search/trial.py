"""A trial and the configurations that it scores, each known by what its result depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from erazoo.publish import fingerprint
from etl.columns import ALL
from search.space import FEATURES, TARGET, TREES

BENCHMARK = 0
"""The number of the benchmark's trial; those of the sampler follow it."""
OF_TRIAL = (TARGET, FEATURES)


@dataclass(frozen=True)
class Trial:
    """One set of parameters on its way to be trained.

    Args:
        number: of the trial, `BENCHMARK` or the sampler's number plus one.
        values: every parameter, with the target and the tree count.
        points: tree counts at which it is scored, ascending; each is a configuration.
        slot: the row of `predictions.f32` of the first of them.
    """

    number: int
    values: Mapping[str, Any]
    points: tuple[int, ...]
    slot: int

    @property
    def target(self) -> str:
        """What it learns."""
        return str(self.values[TARGET])

    @property
    def features(self) -> str:
        """The sets and groups that it learns from, with commas between."""
        return str(self.values.get(FEATURES, ALL))

    @property
    def trees(self) -> int:
        """Trees, all grown."""
        return int(self.values[TREES])

    @property
    def params(self) -> dict[str, Any]:
        """Options of the model."""
        return {name: value for name, value in self.values.items() if name not in OF_TRIAL}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "number": self.number,
            "values": dict(self.values),
            "points": list(self.points),
            "slot": self.slot,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Trial:
        """The inverse of `to_json`."""
        return cls(value["number"], value["values"], tuple(value["points"]), value["slot"])


def configuration_id(model: str, values: Mapping[str, Any], trees: int) -> str:
    """Sixteen hex digits of parameters, target and features with a number of trees.

    A prefix of a longer training has the id of a training of that length.
    """
    return fingerprint([model, sorted({**values, TREES: trees}.items())])


def training_seed(model: str, values: Mapping[str, Any], seed: int) -> int:
    """The seed of a training: the same for every number of trees, so that prefixes agree.

    Args:
        model: the library.
        values: every parameter.
        seed: of the run.
    """
    others = sorted((name, value) for name, value in values.items() if name != TREES)
    return int(fingerprint([model, others, seed]), 16) % 2**31


def points_of(values: Mapping[str, Any], prefixes: Sequence[int]) -> tuple[int, ...]:
    """The tree counts at which a training is scored: prefixes below its own, and its own.

    >>> points_of({"n_estimators": 250}, (100, 200, 300))
    (100, 200, 250)
    """
    trees = int(values[TREES])
    return (*(prefix for prefix in prefixes if prefix < trees), trees)
