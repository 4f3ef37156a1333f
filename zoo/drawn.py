"""Rows in memory, drawn evenly over eras, for models that cannot stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from erazoo.errors import ConfigError
from erazoo.logs import LOGGER
from etl.shards import ShardSet
from scoring.eras import EraSlices
from zoo.estimator import Fit, nothing_to_learn


@dataclass(frozen=True)
class Drawn:
    """Rows held in memory.

    Args:
        features: (n, F) numbers.
        target: (n,).
        weights: (n,), None where all rows count alike.
        eras: where each era begins and ends.
    """

    features: NDArray[Any]
    target: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    eras: EraSlices


def draw(
    name: str,
    data: ShardSet,
    fit: Fit,
    rows: int,
    numbers: Callable[[NDArray[Any]], NDArray[Any]],
    dtype: DTypeLike = np.float32,
) -> Drawn:
    """Hold the rows that a fit learns from, or `rows` of them drawn evenly over its eras.

    Memory: the features as `dtype`, a few batches, and eight bytes a row that is not drawn.

    Args:
        name: of the model, for the log.
        data: the shard set.
        fit: whose eras, target and seed are taken.
        rows: at most.
        numbers: makes numbers of raw features.
        dtype: of the numbers.

    Raises:
        TrainingError: no row has a resolved target.
    """
    source = data.numbered(fit.eras, fit.target)
    if not len(source):
        raise nothing_to_learn(fit.target)
    chosen = drawn_rows(tuple(source.counts.values()), rows, fit.seed)
    if len(chosen) < len(source):
        LOGGER.info("%s learns %d of %d rows", name, len(chosen), len(source))
    features = np.empty((len(chosen), len(source.names)), dtype=dtype)
    for low in range(0, len(chosen), source.batch_rows):
        part = slice(low, low + source.batch_rows)
        features[part] = numbers(source[chosen[part]])
    source.close()
    weights = None if source.weights is None else source.weights[chosen].astype(np.float64)
    target = source.labels[chosen].astype(np.float64)
    return Drawn(features, target, weights, _slices(source.counts, chosen))


def drawn_rows(counts: Sequence[int], rows: int, seed: int) -> NDArray[np.intp]:
    """Numbers of at most `rows` rows, ascending, drawn without repetition.

    Args:
        counts: rows of each era.
        rows: drawn in all; as many of each era, or all of it where it has fewer.
        seed: of the draw.

    >>> drawn_rows([2, 3, 1], 6, seed=0).tolist()
    [0, 1, 2, 3, 4, 5]
    """
    shares = _shares(counts, rows)
    starts = np.cumsum([0, *counts])
    parts = [
        start + np.sort(np.random.default_rng([seed, era]).choice(count, share, replace=False))
        for era, (start, count, share) in enumerate(zip(starts, counts, shares, strict=False))
    ]
    return np.concatenate(parts).astype(np.intp)


def _shares(counts: Sequence[int], rows: int) -> list[int]:
    shares, left = [0] * len(counts), min(rows, sum(counts))
    for done, era in enumerate(np.argsort(counts, kind="stable")):
        shares[era] = min(counts[era], left // (len(counts) - done))
        left -= shares[era]
    return shares


def _slices(counts: Mapping[str, int], chosen: NDArray[np.intp]) -> EraSlices:
    """The eras of chosen rows, without those that none was chosen of."""
    bounds = np.searchsorted(chosen, np.cumsum([0, *counts.values()]))
    held = np.flatnonzero(np.diff(bounds))
    labels = tuple(counts)
    kept = np.append(bounds[held], len(chosen)).astype(np.int64)
    return EraSlices(tuple(labels[era] for era in held), kept)


def refuse_weights(name: str, weights: NDArray[Any] | None) -> None:
    """Refuse rows that count unequally where a model cannot tell them apart.

    Args:
        name: of the model.
        weights: of the rows, None where all count alike.

    Raises:
        ConfigError: the shards hold different training weights.
    """
    if weights is not None:
        raise ConfigError(
            f"{name} takes no weights of rows",
            received="training weights in the shards",
            expected="shards without balance by weights, or another model",
        )
