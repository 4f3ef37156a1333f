"""Small shard sets whose target depends on the first features, for tests of trainers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from erazoo.panel import EraBlock, FeatureSpec
from etl.shards import ShardFormat, ShardSet, ShardWriter

TARGET = "target_planted_20"
OTHER = "target_other_60"


def planted_shards(
    folder: Path,
    *,
    eras: int = 12,
    rows: int = 60,
    features: int = 8,
    signal: float = 1.0,
    unresolved: int = 1,
    missing: float = 0.1,
    floats: bool = False,
    seed: int = 5,
    codec: str = "raw",
    wrong: float | None = None,
    holes: float = 0.0,
    bad: int = 0,
) -> ShardSet:
    """Write and open shards; `signal` 0 is noise, the last `unresolved` eras have no target.

    A share `missing` of the rows of every era lacks a target; `OTHER` is 1 - `TARGET`. With
    `wrong` every second row has the opposite target and this training weight, others weigh 1.
    A share `holes` of float features is NaN. The first `bad` eras have the opposite signal.
    """
    labels = [f"{number:04d}" for number in range(1, eras + 1)]
    dtype = np.dtype(np.float32 if floats else np.int8)
    spec = FeatureSpec(
        tuple(f"feature_{j}" for j in range(features)), dtype=dtype, missing=None if floats else 2
    )

    def blocks() -> Iterator[EraBlock]:
        for number, era in enumerate(labels):
            rng = np.random.default_rng([seed, number])
            x = rng.integers(0, 5, (rows, features)).astype(dtype)
            sign = -signal if number < bad else signal
            hidden = sign * (x[:, 0] + x[:, 1] - x[:, 2]) + rng.normal(size=rows)
            rank = np.argsort(np.argsort(hidden)) / rows
            y = (np.searchsorted([0.05, 0.25, 0.75, 0.95], rank, side="right") / 4).astype("f4")
            y[rng.random(rows) < missing] = np.nan
            if number >= eras - unresolved:
                y[:] = np.nan
            if holes:
                x[rng.random(x.shape) < holes] = np.nan
            w = None
            if wrong is not None:
                w = np.where(np.arange(rows) % 2, np.float32(wrong), np.float32(1))
                y[1::2] = 1 - y[1::2]
            ids = np.array([f"{era}_{row}" for row in range(rows)], dtype=object)
            yield EraBlock(era, ids, x, np.stack([1 - y, y], axis=1), np.empty((rows, 0), "f4"), w)

    writer = ShardWriter(
        folder,
        ShardFormat(spec, (OTHER, TARGET), block_rows=16, codec=codec, weighted=wrong is not None),
        split_of=dict.fromkeys(labels, "train"),
        rows_of=dict.fromkeys(labels, rows),
        key="planted",
    )
    with writer:
        writer.write(blocks())
    return ShardSet.open(folder)
