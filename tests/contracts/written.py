"""Small shard sets of every kind, with the very blocks that were written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from erazoo.panel import EraBlock, FeatureSpec
from etl.shards import ShardFormat, ShardSet, ShardWriter

TARGETS = ("target_one_20", "target_two_60")
REFERENCES = ("meta", "benchmark")
FEATURES = 7
SIZES = (11, 1, 23, 8, 17, 5, 13)
UNRESOLVED, LEFT_OUT = 3, 5
"""Places of the era without any target, and of the era whose rows all have weight 0."""


@dataclass(frozen=True)
class Kind:
    """How a shard set is laid out, stored and filled; `even` weights are all the same."""

    layout: str = "era"
    codec: str = "raw"
    compression: str = "none"
    weighted: bool = False
    missing: int | None = 2
    dtype: str = "int8"
    even: bool = False


KINDS = (
    Kind(),
    Kind("flat", "packed", "gzip"),
    Kind("flat", "raw", "zlib", weighted=True),
    Kind("era", "packed", "none", weighted=True, missing=5),
    Kind("flat", "raw", "none", weighted=True, missing=5),
    Kind("flat", "raw", "gzip", weighted=True, missing=None, dtype="float32"),
)


@dataclass(frozen=True)
class Written:
    """A shard set and its blocks."""

    shards: ShardSet
    blocks: tuple[EraBlock, ...]

    def of(self, eras: Sequence[str], *, training: bool = False) -> list[EraBlock]:
        """The written blocks of some eras, without rows of weight 0 in training."""
        kept = [block for block in self.blocks if block.era in set(eras)]
        if training:
            kept = [b if b.weights is None else b.take(b.weights > 0) for b in kept]
        return kept


def blocks_of(kind: Kind, seed: int = 0, eras: int = len(SIZES)) -> tuple[EraBlock, ...]:
    return tuple(_block(kind, seed, place) for place in range(eras))


def write(
    folder: Path, kind: Kind, seed: int = 0, eras: int = len(SIZES), **options: Any
) -> Written:
    """Write and open a shard set of the first `eras` eras."""
    blocks = blocks_of(kind, seed, eras)
    spec = FeatureSpec(
        tuple(f"feature_{j}" for j in range(FEATURES)),
        dtype=np.dtype(kind.dtype),
        missing=kind.missing,
    )
    form = ShardFormat(
        spec, TARGETS, REFERENCES, 5, kind.codec, kind.compression, weighted=kind.weighted
    )
    writer = ShardWriter(
        folder,
        form,
        split_of={block.era: "train" for block in blocks},
        rows_of={block.era: len(block) for block in blocks},
        key=f"seed {seed}",
        layout=kind.layout,
        shard_rows=17,
        **options,
    )
    with writer:
        pending = {piece.era for file in writer.pending() for piece in file.pieces}
        writer.write(block for block in blocks if block.era in pending)
    return Written(ShardSet.open(folder), blocks)


def _block(kind: Kind, seed: int, place: int) -> EraBlock:
    rng = np.random.default_rng([seed, place])
    rows = SIZES[place]
    codes = rng.integers(0, 6 if kind.missing == 5 else 5, (rows, FEATURES))
    features = codes.astype(kind.dtype)
    if kind.missing is None:
        features = (features + rng.normal(size=features.shape)).astype(kind.dtype)
        features[rng.random(features.shape) < 0.2] = np.nan
    targets = (rng.integers(0, 5, (rows, len(TARGETS))) / 4).astype(np.float32)
    targets[rng.random(targets.shape) < 0.2] = np.nan
    if place == UNRESOLVED:
        targets[:] = np.nan
    references = rng.normal(size=(rows, len(REFERENCES))).astype(np.float32)
    references[rng.random(references.shape) < 0.2] = np.nan
    weights = None
    if kind.weighted:
        weights = rng.integers(0, 3, rows).astype(np.float32) / 2
        weights[:] *= place != LEFT_OUT
        weights = np.full(rows, 0.5, np.float32) if kind.even else weights
    ids = np.array([f"ä{place}_{row}" for row in range(rows)], dtype=object)
    return EraBlock(f"{place + 3:04d}", ids, features, targets, references, weights)
