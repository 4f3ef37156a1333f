"""The demo world: one pass over its eras, with everything that is planted in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erazoo.eras import LIVE_ERA
from erazoo.panel import MISSING_QUINTILE
from etl.demo.blocks import MISSING, make_blocks
from etl.demo.latent import AssetPool
from etl.demo.observers import make_observers
from etl.demo.profiles import Plan
from etl.demo.regimes import comovement, regime_path
from etl.demo.signal import make_signal
from etl.demo.targets import LONG_TARGET, TARGETS, NoiseStream, make_target, unresolved

TRAIN_SHARE = 0.5
MISSING_SHARE = 0.125
_SCALING_ROWS = 8000
_STREAMS = ("layout", "comovement", "path", "scaling", "weights", "assets", "noise", "order", "ids")


@dataclass(frozen=True)
class DemoEra:
    """One era with all that the generator knows of it; rows stand in a random order.

    Args:
        era: the label, four digits or X.
        data_type: train, validation, test or live.
        regime: the era's regime.
        ids: (rows,) identifiers that say nothing of the asset.
        assets: (rows,) the assets, which no file holds.
        features: (features, rows) quintiles.
        signal: (rows,) the noiseless signal.
        blind: (rows,) the best that can be said of it without knowing the regime.
        truth: the value of every target, (rows,), resolved or not.
        resolved: targets whose values can be known when the data are published.
        benchmark: (rows,) predictions of the benchmark model.
        meta_model: (rows,) predictions of the meta model.
    """

    era: str
    data_type: str
    regime: int
    ids: NDArray[np.str_]
    assets: NDArray[np.int64]
    features: NDArray[np.int8]
    signal: NDArray[np.float64]
    blind: NDArray[np.float64]
    truth: dict[str, NDArray[np.float32]]
    resolved: frozenset[str]
    benchmark: NDArray[np.float32]
    meta_model: NDArray[np.float32]


class DemoWorld:
    """Everything planted by a plan: blocks, weights, regimes and observers.

    Args:
        plan: the plan; equal plans give equal worlds.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._seeds = dict(
            zip(_STREAMS, np.random.SeedSequence(plan.seed).spawn(len(_STREAMS)), strict=True)
        )
        layout = self._rng("layout")
        self.blocks = make_blocks(plan, layout)
        self.signs = comovement(plan.regimes, len(self.blocks), self._rng("comovement"))
        self.path = regime_path(plan.eras + 1, plan.regimes, self._rng("path"))
        crowd = self._pool(_SCALING_ROWS, "scaling")
        weights = self._rng("weights")
        self.signal = make_signal(
            plan, self.blocks, lambda regime: crowd.quintiles(self.signs[regime]), weights
        )
        self.benchmark, self.meta_model = make_observers(plan, self.blocks, weights)
        self.missing = next(block for block in self.blocks if block.kind == MISSING)
        self.missing_eras = max(1, int(MISSING_SHARE * plan.eras))
        self.train_eras = int(TRAIN_SHARE * plan.eras)

    def eras(self) -> Iterator[DemoEra]:
        """All eras in order, the live one last; a second call gives the same again."""
        plan = self.plan
        pool = self._pool(plan.rows, "assets")
        noise = NoiseStream(plan.rows, self._rng("noise"))
        order, names = self._rng("order"), Identifiers(self._rng("ids"))
        for index in range(plan.eras + 1):
            if index:
                noise.advance(pool.advance())
            yield self._era(index, pool, noise, order.permutation(plan.rows), names)

    def label(self, index: int) -> str:
        """The label of the era at `index`."""
        return LIVE_ERA if index == self.plan.eras else f"{index + 1:04d}"

    def data_type(self, index: int) -> str:
        """The data type of the era at `index`."""
        if index == self.plan.eras:
            return "live"
        if index >= self.plan.eras - unresolved(LONG_TARGET):
            return "test"
        return "train" if index < self.train_eras else "validation"

    def resolved(self, index: int) -> frozenset[str]:
        """The targets that are known of the era at `index`."""
        return frozenset(t for t in TARGETS if index < self.plan.eras - unresolved(t))

    def _era(
        self,
        index: int,
        pool: AssetPool,
        noise: NoiseStream,
        rows: NDArray[np.int64],
        names: Identifiers,
    ) -> DemoEra:
        regime = int(self.path[index])
        features = pool.quintiles(self.signs[regime])
        if index < self.missing_eras:
            features[self.missing.columns] = MISSING_QUINTILE
        settings = self.plan.settings
        parts = self.signal.parts(features, regime)
        signal = parts.blend(settings.shares)
        truth = {t: make_target(t, signal, settings.strength, noise.now)[rows] for t in TARGETS}
        return DemoEra(
            era=self.label(index),
            data_type=self.data_type(index),
            regime=regime,
            ids=names.take(len(rows)),
            assets=pool.assets[rows],
            features=features[:, rows],
            signal=signal[rows],
            blind=parts.blend(self._blind_shares(), pooled=True)[rows],
            truth=truth,
            resolved=self.resolved(index),
            benchmark=self.benchmark.predict(features, parts)[rows],
            meta_model=self.meta_model.predict(features, parts)[rows],
        )

    def _blind_shares(self):
        from dataclasses import replace

        s = self.plan.settings.shares
        return replace(s, regime=s.regime / self.plan.regimes)

    def _pool(self, rows: int, stream: str) -> AssetPool:
        settings = self.plan.settings
        return AssetPool(self.blocks, rows, settings.persistence, settings.churn, self._rng(stream))

    def _rng(self, stream: str) -> np.random.Generator:
        return np.random.default_rng(self._seeds[stream])


_DIGITS = 15
_MASK = (1 << 4 * _DIGITS) - 1


class Identifiers:
    """Row identifiers, 'n' and 15 hex digits, which never repeat and follow no pattern.

    A counter goes through steps that can each be undone on 60 bits (an addition, products with
    odd numbers, xor with its own upper half), so that two counts never meet.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        draw = rng.integers(0, _MASK, size=3, dtype=np.uint64)
        self._key, self._first, self._second = draw[0], draw[1] | 1, draw[2] | 1
        self._next = 0

    def take(self, count: int) -> NDArray[np.str_]:
        """The next `count` identifiers, (count,)."""
        mask, half = np.uint64(_MASK), np.uint64(2 * _DIGITS)
        value = np.arange(self._next, self._next + count, dtype=np.uint64)
        self._next += count
        value = (value + self._key) & mask
        for factor in (self._first, self._second, self._first):
            value = (value * factor) & mask
            value ^= value >> half
        return np.array([f"n{number:0{_DIGITS}x}" for number in value.tolist()])
