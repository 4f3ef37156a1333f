"""Regimes: which one an era is in, and how it makes the blocks of features move together."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

SHORTEST_RUN, LONGEST_RUN = 5, 14


def regime_path(eras: int, regimes: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The regime of each era, shape (eras,): runs of 5 to 14 eras, all regimes about as often.

    Every round of runs visits each regime once, in an order of its own, so that the next regime
    cannot be told from the last ones; no two runs of one regime meet unless there is only one.
    """
    path: list[int] = []
    while len(path) < eras:
        order = rng.permutation(regimes)
        if path and regimes > 1 and order[0] == path[-1]:
            order = np.roll(order, 1)
        for regime in order:
            path += [int(regime)] * int(rng.integers(SHORTEST_RUN, LONGEST_RUN + 1))
    return np.array(path[:eras], dtype=np.int64)


def comovement(regimes: int, blocks: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Signs with which the blocks' factors follow the market, shape (regimes, blocks).

    The patterns are drawn greedily so that each is far from all earlier ones and from their
    opposites: two regimes then differ in the sign of about half of the block-to-block
    correlations, while every feature keeps its variance.
    """
    candidates = np.array(list(itertools.product((-1.0, 1.0), repeat=min(blocks, 12))))
    if blocks > candidates.shape[1]:
        extra = rng.choice((-1.0, 1.0), (len(candidates), blocks - candidates.shape[1]))
        candidates = np.hstack([candidates, extra])
    chosen = [candidates[int(rng.integers(len(candidates)))]]
    while len(chosen) < regimes:
        likeness = np.abs(candidates @ np.array(chosen).T).max(axis=1)
        nearest = np.flatnonzero(likeness == likeness.min())
        chosen.append(candidates[int(rng.choice(nearest))])
    return np.array(chosen, dtype=np.float32)
