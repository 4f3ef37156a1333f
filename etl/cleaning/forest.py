"""Isolation forests (Liu, Ting and Zhou 2008), grown by scikit-learn and kept as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etl.cleaning.missing import as_numbers, missing_mask, number_chunks

TREES = 100
STRIP_ROWS = 1024


@dataclass(frozen=True)
class Forest:
    """Finds rows that few cuts set apart from the others.

    Nodes of all trees stand in one table; a leaf is its own child.

    Args:
        feature: (nodes,) the column that a node looks at.
        threshold: (nodes,) float64; a value up to it goes left.
        left: (nodes,) places of left children.
        right: (nodes,) places of right children.
        length: (nodes,) float64: cuts on the way to a leaf and those expected below it.
        roots: (trees,) places of the roots.
        depth: (1,) the most cuts in a tree.
        expected: (1,) cuts that set a row apart on average, over all trees together.
        medians: (k,) stand for missing values.
        limit: (1,) the highest anomaly score that is not outlying.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    length: NDArray[np.float64]
    roots: NDArray[np.int64]
    depth: NDArray[np.int64]
    expected: NDArray[np.float64]
    medians: NDArray[np.float32]
    limit: NDArray[np.float64]

    def scores(self, part: NDArray[Any]) -> NDArray[np.float64]:
        """Anomaly scores (n,) in (0, 1) of raw features (n, k): scikit-learn's, negated."""
        found = np.empty(len(part))
        for start in range(0, len(part), STRIP_ROWS):
            rows = slice(start, start + STRIP_ROWS)
            found[rows] = self._scores(_filled(part[rows], self.medians))
        return found

    def found(self, part: NDArray[Any]) -> NDArray[np.bool_]:
        """All values (n, k) of outlying rows but the missing ones."""
        rows = self.rows(part)
        return np.asarray(rows[:, None] & ~missing_mask(part))

    def rows(self, part: NDArray[Any], share: float = 0.0) -> NDArray[np.bool_]:  # noqa: ARG002
        """Outlying rows (n,)."""
        return np.asarray(self.scores(part) > self.limit[0])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of` makes it from again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Forest:
        """The inverse of `arrays`."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def _scores(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        nodes = np.repeat(self.roots[None], len(x), axis=0)
        rows = np.arange(len(x))[:, None]
        for _ in range(int(self.depth[0])):
            left = x[rows, self.feature[nodes]] <= self.threshold[nodes]
            nodes = np.where(left, self.left[nodes], self.right[nodes])
        return np.asarray(2.0 ** -(self.length[nodes].sum(axis=1) / self.expected[0]))


def fit_forest(part: NDArray[Any], threshold: float, seed: int) -> Forest:
    """A forest of the rows `part` (m, k), each column with a value.

    Rows are outlying whose score lies more than `threshold` standard deviations above the mean
    score of `part`: a fixed score would find half of all rows where features are many.

    Memory: `part` once as float32.
    """
    from sklearn.ensemble import IsolationForest

    medians = np.concatenate([np.nanmedian(x, axis=0) for x in number_chunks(part)])
    medians = medians.astype(np.float32)
    grown = IsolationForest(n_estimators=TREES, random_state=seed).fit(_filled(part, medians))
    forest = _tables([tree.tree_ for tree in grown.estimators_], int(grown.max_samples_), medians)
    scores = forest.scores(part)
    limit = np.array([scores.mean() + threshold * scores.std()])
    return Forest(**{**forest.arrays(), "limit": limit})


def _tables(trees: list[Any], rows: int, medians: NDArray[np.float32]) -> Forest:
    counts = [tree.node_count for tree in trees]
    roots = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    own = np.arange(sum(counts))
    begin = np.repeat(roots, counts)
    leaf = np.concatenate([tree.children_left for tree in trees]) < 0
    left = np.concatenate([tree.children_left for tree in trees]) + begin
    right = np.concatenate([tree.children_right for tree in trees]) + begin
    held = np.concatenate([tree.n_node_samples for tree in trees])
    depth = _depths(np.where(leaf, own, left), np.where(leaf, own, right), roots)
    return Forest(
        feature=np.where(leaf, 0, np.concatenate([tree.feature for tree in trees])),
        threshold=np.where(leaf, 0.0, np.concatenate([tree.threshold for tree in trees])),
        left=np.where(leaf, own, left),
        right=np.where(leaf, own, right),
        length=depth + expected_cuts(held),
        roots=roots,
        depth=np.array([depth.max()]),
        expected=len(trees) * expected_cuts(np.array([rows])),
        medians=medians,
        limit=np.array([np.inf]),
    )


def expected_cuts(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Cuts that set one of `rows` rows apart on average, c(n) of the paper."""
    n = np.maximum(rows, 3).astype(np.float64)
    many = 2 * (np.log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n
    return np.asarray(np.select([rows <= 1, rows == 2], [0.0, 1.0], many))


def _depths(
    left: NDArray[np.int64], right: NDArray[np.int64], roots: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The depth of every node, level by level."""
    depth = np.zeros(len(left), dtype=np.int64)
    level = roots
    while len(inner := level[left[level] != level]):
        for children in (left[inner], right[inner]):
            depth[children] = depth[inner] + 1
        level = np.concatenate([left[inner], right[inner]])
    return depth


def _filled(part: NDArray[Any], medians: NDArray[np.float32]) -> NDArray[np.float32]:
    x = as_numbers(part, np.float32)
    np.copyto(x, medians, where=np.isnan(x))
    return x
