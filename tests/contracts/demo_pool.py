"""A pool of out-of-fold predictions of a small demo tournament, with its panel, in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ensemble.pool import Pool
from erazoo.config.schema import DemoSection
from erazoo.eras import LIVE_ERA, EraAxis
from erazoo.panel import EraBlock, FeatureSpec
from etl.demo.names import feature_sets
from etl.demo.profiles import Plan
from etl.demo.world import DemoWorld
from scoring.eras import EraSlices
from scoring.ranks import era_ranks

TARGET = "target_ender_20"
LABEL_ERAS, PURGE = 4, 8
Row = tuple[EraBlock, ...]


@dataclass(frozen=True)
class MemoryPanel:
    """Blocks of past eras, and the live one."""

    spec: FeatureSpec
    references: tuple[str, ...]
    held: dict[str, EraBlock]
    live: EraBlock

    def blocks(
        self, eras: Sequence[str] | None = None, *, with_features: bool = True
    ) -> Iterator[EraBlock]:
        wanted = set(self.held if eras is None else eras)
        yield from (block for era, block in self.held.items() if era in wanted)


def demo_panel(**sizes: int) -> MemoryPanel:
    """A generated tournament; targets as published."""
    options = {"eras": 120, "rows": 120, "features": 36, "regimes": 2, "seed": 3, **sizes}
    world = DemoWorld(Plan.of(DemoSection(**options)))
    spec = FeatureSpec(world.names, dict(feature_sets(world.blocks, world.names)))
    blocks = {}
    for era in world.eras():
        known = era.truth[TARGET] if TARGET in era.resolved else np.full(len(era.ids), np.nan)
        meta = era.meta_model if era.era >= world.label(options["eras"] // 2) else known * np.nan
        meta = known * np.nan if era.era == LIVE_ERA else meta
        references = np.stack((meta, era.benchmark), axis=1).astype(np.float32)
        targets = known[:, None].astype(np.float32)
        features = np.ascontiguousarray(era.features.T)
        blocks[era.era] = EraBlock(era.era, era.ids.astype(object), features, targets, references)
    live = blocks.pop(LIVE_ERA)
    names = (world.meta_model.column, world.benchmark.column)
    return MemoryPanel(spec, names, blocks, live)


@dataclass(frozen=True)
class DemoCase:
    """A panel, members fitted on its first eras by feature group, and the pool of the rest."""

    panel: MemoryPanel
    pool: Pool
    weights: dict[str, np.ndarray]

    def member(self, name: str, block: EraBlock) -> np.ndarray:
        """The ranks of a member in a block."""
        columns = self.panel.spec.columns(self.panel.spec.groups[name])
        values = (block.features[:, columns].astype(np.float64) - 2) @ self.weights[name]
        return era_ranks(values, EraSlices(("era",), np.array([0, len(block)])))


def demo_case(panel: MemoryPanel, groups: Sequence[str], first: int) -> DemoCase:
    """Ridge members that learned from the eras before `first` less the purge."""
    labels = list(panel.held)
    weights = {g: _ridge(panel, g, labels[: first - PURGE]) for g in groups}
    blocks = [panel.held[era] for era in labels[first:]]
    bounds = np.cumsum([0, *map(len, blocks)])
    references = np.concatenate([b.references for b in blocks])
    pool = Pool(
        names=tuple(groups),
        families=("linear",) * len(groups),
        ids=np.concatenate([b.ids for b in blocks]),
        slices=EraSlices(tuple(labels[first:]), bounds),
        ranks=np.empty((len(groups), bounds[-1]), np.float32),
        targets=np.concatenate([b.targets[:, 0] for b in blocks]),
        references={n: references[:, j].copy() for j, n in enumerate(panel.references)},
        meta_model=panel.references[0],
        benchmark=panel.references[1],
        axis=EraAxis(tuple(labels)),
        label_eras=LABEL_ERAS,
        purge=PURGE,
    )
    case = DemoCase(panel, pool, weights)
    ranks = [np.concatenate([case.member(g, b) for b in blocks]) for g in groups]
    return replace(case, pool=replace(pool, ranks=np.array(ranks, dtype=np.float32)))


def _ridge(panel: MemoryPanel, group: str, eras: Sequence[str]) -> np.ndarray:
    columns = panel.spec.columns(panel.spec.groups[group])
    gram, cross = np.eye(len(columns)) * 2000.0, np.zeros(len(columns))
    for block in panel.blocks(eras):
        x = block.features[:, columns].astype(np.float64) - 2
        gram += x.T @ x
        cross += x.T @ (block.targets[:, 0] - 0.5)
    return np.linalg.solve(gram, cross)
