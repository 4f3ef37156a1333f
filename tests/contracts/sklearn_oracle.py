"""The rows of small shards as scikit-learn takes them, and models fitted on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from contracts.planted import TARGET

from erazoo.panel import EraBlock, FeatureSpec
from etl.shards import ShardFormat, ShardSet, ShardWriter
from zoo import catalogue
from zoo.estimator import Fit


class Rows(NamedTuple):
    """Centred features (n, F) float64, target (n,) and weights (n,) of the resolved rows."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray


def resolved(data: ShardSet) -> Rows:
    features, labels = data.to_numpy()
    y = labels.targets[:, data.target_index(TARGET)].astype(np.float64)
    known = np.isfinite(y)
    weights = np.ones(len(y)) if labels.weights is None else labels.weights.astype(np.float64)
    return Rows(data.spec.centred(features[known]).astype(np.float64), y[known], weights[known])


def fitted(name: str, data: ShardSet, seed: int = 3, threads: int = 1, **options: Any) -> Any:
    """A model of the catalogue on all eras."""
    spec = catalogue.get(name)
    model = spec.build(catalogue.resolve(spec, "", options), data.spec)
    model.fit(data, Fit(data.eras(), TARGET, seed=seed, threads=threads))
    return model


def grid(data: ShardSet, rows: int = 50) -> np.ndarray:
    """Raw features that no model has seen."""
    width = len(data.spec.names)
    return np.random.default_rng(11).integers(0, 5, (rows, width)).astype(data.spec.dtype)


def rewritten(
    data: ShardSet, folder: Path, spec: FeatureSpec, change: Callable[[np.ndarray], np.ndarray]
) -> ShardSet:
    """The same rows with other features, as `change` makes them."""
    blocks = list(data.blocks())
    rows = {block.era: len(block) for block in blocks}
    form = ShardFormat(spec, data.targets, block_rows=16)
    split = dict.fromkeys(rows, "train")
    with ShardWriter(folder, form, split_of=split, rows_of=rows, key="rewritten") as writer:
        writer.write(
            EraBlock(b.era, b.ids, change(b.features), b.targets, b.references) for b in blocks
        )
    return ShardSet.open(folder)
