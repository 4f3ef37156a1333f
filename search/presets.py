"""Named spaces with their benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A space as a configuration would have it.

    Args:
        space: entries by parameter.
        constraints: expressions.
        benchmark: parameters of what is to be beaten.
    """

    space: Mapping[str, Any]
    constraints: tuple[str, ...]
    benchmark: Mapping[str, Any]


COLSAMPLE = tuple(round(0.001 + 0.999 * place / 99, 6) for place in range(100))
"""One hundred even steps from 0.001 to 1."""

PUBLISHED = Preset(
    space={
        "colsample_bytree": list(COLSAMPLE),
        "reg_lambda": {"low": 0.0, "high": 100_000.0},
        "learning_rate": {"low": 1e-5, "high": 1.0},
        "max_bin": {"low": 2, "high": 5},
        "max_depth": {"low": 2, "high": 12},
        "num_leaves": {"low": 2, "high": 24},
        "min_child_samples": {"low": 1, "high": 250},
        "n_estimators": {"low": 10, "high": 2000},
    },
    constraints=("num_leaves <= 2 ** max_depth",),
    benchmark={
        "colsample_bytree": 0.1,
        "reg_lambda": 0.0,
        "learning_rate": 0.01,
        "max_bin": 5,
        "max_depth": 5,
        "num_leaves": 15,
        "min_child_samples": 20,
        "n_estimators": 2000,
    },
)
PRESETS: dict[str, Preset] = {"published": PUBLISHED}
