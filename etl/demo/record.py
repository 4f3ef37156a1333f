"""`demo.json`: what was planted, and the best CORR that any model could reach on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.tournament import TARGET_ALIAS
from etl.demo.blocks import REGIME, Block
from etl.demo.names import trait
from etl.demo.observers import Observer
from etl.demo.signal import Weights
from etl.demo.targets import LONG_TARGET, TARGETS, unresolved
from etl.demo.world import DemoEra, DemoWorld
from scoring.corr import numerai_corr
from scoring.eras import EraSlices

NOTE = (
    "CORR is higher here than in life: the sample is small, and a signal as weak as a real one "
    "could not be found in it. `achievable` is the CORR of the noiseless signal itself."
)


class Achievable:
    """The CORR of the noiseless signal, gathered era by era."""

    def __init__(self) -> None:
        self._informed: dict[str, dict[str, float | None]] = {t: {} for t in TARGETS}
        self._blind: dict[str, list[float]] = {t: [] for t in TARGETS}

    def add(self, era: DemoEra) -> None:
        """Score one era of the history; a target that is unresolved in it has no score."""
        for target in TARGETS:
            if target not in era.resolved:
                self._informed[target][era.era] = None
                continue
            informed, blind = _corr(era, target)
            self._informed[target][era.era] = informed
            self._blind[target].append(blind)

    def mean(self, target: str) -> float:
        """The mean over all resolved eras."""
        known = [score for score in self._informed[target].values() if score is not None]
        return float(np.mean(known))

    def to_json(self) -> dict[str, Any]:
        """By target: the mean, the mean for one who cannot tell regimes, and all eras."""
        return {
            target: {
                "mean": self.mean(target),
                "mean_regime_blind": float(np.mean(self._blind[target])),
                "per_era": self._informed[target],
            }
            for target in TARGETS
        }


def record(world: DemoWorld, achievable: Achievable) -> dict[str, Any]:
    """Everything planted in a world, as plain values.

    The weights apply to `(quintile - 2) / sqrt(2)`; their sum over all parts that are active in
    an era is the signal, up to a constant.
    """
    plan = world.plan
    eras = [world.label(index) for index in range(plan.eras + 1)]
    return {
        "note": NOTE,
        "profile": plan.profile,
        "seed": plan.seed,
        "eras": plan.eras,
        "rows_per_era": plan.rows,
        "features": plan.features,
        "regimes": plan.regimes,
        "targets": list(TARGETS),
        "alias": {TARGET_ALIAS: LONG_TARGET},
        "unresolved_eras": {target: unresolved(target) for target in TARGETS},
        "strength": plan.settings.strength,
        "shares": vars(plan.settings.shares),
        "persistence": plan.settings.persistence,
        "groups": {trait(block): block.kind for block in world.blocks},
        "regime_by_era": dict(zip(eras, world.path.tolist(), strict=True)),
        "comovement": _comovement(world),
        "planted": _planted(world),
        "missing": {"group": trait(world.missing), "eras": eras[: world.missing_eras]},
        "references": {o.column: _sees(o) for o in (world.benchmark, world.meta_model)},
        "achievable": achievable.to_json(),
    }


def _corr(era: DemoEra, target: str) -> tuple[float, float]:
    """CORR of the signal and of what is left of it without knowing the regime."""
    if not np.any(era.signal):
        return 0.0, 0.0
    both = np.stack([era.signal, era.blind], axis=1)
    whole = EraSlices((era.era,), np.array([0, len(both)], dtype=np.int64))
    informed, blind = numerai_corr(both, era.truth[target], whole)[0].tolist()
    return informed, blind


def _planted(world: DemoWorld) -> dict[str, Any]:
    shares, signal = world.plan.settings.shares, world.signal
    moving = [block for block in world.blocks if block.kind == REGIME]
    return {
        "linear": _singles(world, signal.linear, shares.linear),
        "pairs": [
            {"features": [world.names[column] for column in pair], "weight": weight}
            for pair, weight in _scaled(signal.pairs, shares.pairs)
        ],
        "regimes": [
            {
                "regime": block.number,
                "group": trait(block),
                "weights": _singles(world, signal.regimes[block.number], shares.regime),
            }
            for block in moving
        ],
    }


def _singles(world: DemoWorld, weights: Weights, share: float) -> dict[str, float]:
    return {world.names[column]: weight for (column,), weight in _scaled(weights, share)}


def _scaled(weights: Weights, share: float) -> list[tuple[list[int], float]]:
    """(columns, weight) of each term of a part with this variance; none for an absent part."""
    if share == 0:
        return []
    values: NDArray[np.float64] = np.sqrt(share) * weights.values
    return list(zip(weights.columns.tolist(), values.tolist(), strict=True))


def _comovement(world: DemoWorld) -> list[dict[str, int]]:
    """For each regime, the sign with which each group follows the market."""
    groups: list[Block] = list(world.blocks)
    return [
        {trait(block): int(sign) for block, sign in zip(groups, signs, strict=True)}
        for signs in world.signs
    ]


def _sees(observer: Observer) -> Mapping[str, float]:
    return {**vars(observer.sees), "error": 1 - observer.sees.total}
