"""The demo world: one pass over its eras, with everything that is planted in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erazoo.eras import LIVE_ERA
from erazoo.panel import MISSING_QUINTILE
from etl.demo.blocks import MISSING, make_blocks
from etl.demo.latent import AssetPool
from etl.demo.names import Identifiers, feature_names
from etl.demo.observers import make_observers
from etl.demo.profiles import Plan
from etl.demo.regimes import comovement, regime_path
from etl.demo.signal import make_signal
from etl.demo.targets import LONG_TARGET, TARGETS, NoiseStream, make_target, unresolved

TRAIN_SHARE = 0.5
MISSING_SHARE = 0.125
_SCALING_ROWS = 4000
_STREAMS = (
    "names",
    "blocks",
    "comovement",
    "path",
    "scaling",
    "weights",
    "assets",
    "noise",
    "order",
    "ids",
)


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
        signal: (rows,) the noiseless signal, variance about 1.
        blind: (rows,) the best that can be said of it without knowing the regime.
        truth: the value of every target, (rows,), resolved or not.
        resolved: targets whose values are known when the data are published.
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
    truth: Mapping[str, NDArray[np.float32]]
    resolved: frozenset[str]
    benchmark: NDArray[np.float32]
    meta_model: NDArray[np.float32]


class DemoWorld:
    """Everything planted by a plan: blocks, weights, regimes and observers.

    Each source of randomness has a stream of its own, so that more eras continue the same world
    and one part can change without the others.

    Args:
        plan: the plan; equal plans give equal worlds.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        seeds = np.random.SeedSequence(plan.seed).spawn(len(_STREAMS))
        self._seeds = dict(zip(_STREAMS, seeds, strict=True))
        self.names = feature_names(plan.features, self._rng("names"))
        self.blocks = make_blocks(plan, self._rng("blocks"))
        self.signs = comovement(plan.regimes, len(self.blocks), self._rng("comovement"))
        self.path = regime_path(plan.eras + 1, plan.regimes, self._rng("path"))
        crowd, weights = self._pool(_SCALING_ROWS, "scaling"), self._rng("weights")
        self.signal = make_signal(
            plan, self.blocks, lambda regime: crowd.quintiles(self.signs[regime]), weights
        )
        self.benchmark, self.meta_model = make_observers(plan, self.blocks, weights)
        self.missing = next(block for block in self.blocks if block.kind == MISSING)
        self.missing_eras = int(MISSING_SHARE * plan.eras)

    def eras(self) -> Iterator[DemoEra]:
        """All eras in order, the live one last; a second call gives the same again."""
        plan = self.plan
        pool = self._pool(plan.rows, "assets")
        noise = NoiseStream(plan.rows, self._rng("noise"))
        order, ids = self._rng("order"), Identifiers(self._rng("ids"))
        for index in range(plan.eras + 1):
            if index:
                noise.advance(pool.advance())
            rows = order.permutation(plan.rows)
            yield self._era(index, pool, noise, rows, ids.take(plan.rows))

    def label(self, index: int) -> str:
        """The label of the era at `index`."""
        return LIVE_ERA if index == self.plan.eras else f"{index + 1:04d}"

    def data_type(self, index: int) -> str:
        """The data type of the era at `index`."""
        if index == self.plan.eras:
            return "live"
        if index >= self.plan.eras - unresolved(LONG_TARGET):
            return "test"
        return "train" if index < int(TRAIN_SHARE * self.plan.eras) else "validation"

    def resolved(self, index: int) -> frozenset[str]:
        """The targets that are known of the era at `index`."""
        return frozenset(t for t in TARGETS if index < self.plan.eras - unresolved(t))

    def _era(
        self,
        index: int,
        pool: AssetPool,
        noise: NoiseStream,
        rows: NDArray[np.int64],
        ids: NDArray[np.str_],
    ) -> DemoEra:
        regime, settings = int(self.path[index]), self.plan.settings
        features = pool.quintiles(self.signs[regime])
        if index < self.missing_eras:
            features[self.missing.columns] = MISSING_QUINTILE
        parts = self.signal.parts(features, regime)
        signal = parts.blend(settings.shares)
        truth = {t: make_target(t, signal, settings.strength, noise.now)[rows] for t in TARGETS}
        return DemoEra(
            era=self.label(index),
            data_type=self.data_type(index),
            regime=regime,
            ids=ids,
            assets=pool.assets[rows],
            features=features[:, rows],
            signal=signal[rows],
            blind=parts.blend_blind(settings.shares, self.plan.regimes)[rows],
            truth=truth,
            resolved=self.resolved(index),
            benchmark=self.benchmark.predict(features, parts)[rows],
            meta_model=self.meta_model.predict(features, parts)[rows],
        )

    def _pool(self, rows: int, stream: str) -> AssetPool:
        settings = self.plan.settings
        return AssetPool(self.blocks, rows, settings.persistence, settings.churn, self._rng(stream))

    def _rng(self, stream: str) -> np.random.Generator:
        return np.random.default_rng(self._seeds[stream])
