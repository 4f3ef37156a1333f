"""LightGBM's trees applied to columns, for all rows of a stretch at once.

A tree is a list of splits of a leaf into two, so that a row's leaf is found by comparing whole
columns: no branch is mispredicted, and a stretch stays in the processor's cache. The sums are those
of `lightgbm.Booster.predict`, to the last bit where trees are added one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import TrainingError
from erazoo.panel import OWN_CODE
from search.rows import FoldColumns

STRETCH = 1 << 15
CATEGORICAL, DEFAULT_LEFT = 1, 2
MISSING_NAN = 2
WANTED = (
    "num_leaves",
    "split_feature",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
)


@dataclass(frozen=True)
class Split:
    """A leaf cut in two: rows above the threshold go over to the right leaf.

    Attributes:
        feature: its place among the model's features.
        threshold: of the same type as the features.
        left: the leaf that is cut.
        right: the new leaf.
        missing_right: whether rows without a value go over.
    """

    feature: int
    threshold: Any
    left: int
    right: int
    missing_right: bool


@dataclass(frozen=True)
class Tree:
    """One tree.

    Attributes:
        splits: in an order in which each leaf is made before it is cut.
        values: (L,) of the leaves.
    """

    splits: tuple[Split, ...]
    values: NDArray[np.float64]


def read_trees(text: str, dtype: np.dtype[Any]) -> Iterator[Tree]:
    """The trees of a model's text.

    Args:
        text: of `lightgbm.Booster.model_to_string`.
        dtype: of the features that they are applied to.

    Raises:
        TrainingError: a tree with categories, linear leaves or more than 65,536 leaves.
    """
    for part in text.split("\nTree=")[1:]:
        found = dict(line.split("=", 1) for line in part.splitlines() if "=" in line)
        if found.get("is_linear") == "1" or int(found["num_leaves"]) > 1 << 16:
            raise TrainingError("a tree of LightGBM that cannot be applied to columns")
        yield _tree({name: found.get(name, "").split() for name in WANTED}, dtype)


def _tree(found: dict[str, list[str]], dtype: np.dtype[Any]) -> Tree:
    values = np.array(found["leaf_value"], dtype=np.float64)
    left = [int(child) for child in found["left_child"]]
    right = [int(child) for child in found["right_child"]]
    splits = []
    for node in range(len(values) - 1):
        kind, threshold = int(found["decision_type"][node]), float(found["threshold"][node])
        if kind & CATEGORICAL:
            raise TrainingError("a tree of LightGBM with categories cannot be applied to columns")
        told = (kind >> 2) & 3 == MISSING_NAN
        splits.append(
            Split(
                int(found["split_feature"][node]),
                _threshold(threshold, dtype),
                _first_leaf(node, left),
                _first_leaf(right[node], left),
                not kind & DEFAULT_LEFT if told else threshold < 0,
            )
        )
    return Tree(tuple(splits), values)


def _first_leaf(node: int, left: list[int]) -> int:
    """The leaf that a node was before it was cut: that of its leftmost descendant."""
    while node >= 0:
        node = left[node]
    return ~node


def _threshold(value: float, dtype: np.dtype[Any]) -> Any:
    """The largest number of a type that is not above a threshold."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return dtype.type(min(max(np.floor(value), limits.min), limits.max))
    rounded = dtype.type(value)
    return np.nextafter(rounded, dtype.type(-np.inf)) if float(rounded) > value else rounded


def add_trees(
    margins: NDArray[np.float64],
    trees: list[Tree],
    columns: FoldColumns,
    used: NDArray[np.int64],
    missing: int | None,
) -> None:
    """Add what trees predict to the predictions of a fold.

    Args:
        margins: (n,) of the fold's rows; changed in place.
        trees: in order.
        columns: of the fold's rows.
        used: places of the model's features among those of the columns.
        missing: the code of missing values, `OWN_CODE` where they are told apart.
    """
    for rows, features in columns.pieces(STRETCH):
        _Stretch(features, used, missing).add(trees, margins[rows])


class _Stretch:
    """Rows that are taken together, with the places that intermediate results are kept in."""

    def __init__(
        self, features: NDArray[Any], used: NDArray[np.int64], missing: int | None
    ) -> None:
        self.features, self.used, self.missing = features, used, missing
        rows = features.shape[1]
        self.inside, self.over = np.empty(rows, np.bool_), np.empty(rows, np.bool_)
        self.place, self.value = np.empty(rows, np.intp), np.empty(rows)
        self.leaves = {kind: np.empty((2, rows), kind) for kind in (np.uint8, np.uint16)}
        self.lacks: dict[int, NDArray[np.bool_] | None] = {}

    def add(self, trees: list[Tree], out: NDArray[np.float64]) -> None:
        for tree in trees:
            self.place[:] = self._leaves(tree)
            np.take(tree.values, self.place, out=self.value, mode="clip")
            out += self.value

    def _leaves(self, tree: Tree) -> NDArray[Any]:
        """The leaf of each row."""
        leaf, step = self.leaves[np.uint8 if len(tree.values) <= 1 << 8 else np.uint16]
        over = self.over.view(np.uint8)
        leaf.fill(0)
        for split in tree.splits:
            column = int(self.used[split.feature])
            np.greater(self.features[column], split.threshold, out=self.over)
            self._settle_missing(column, split)
            if split.left or split.right > 1:
                np.equal(leaf, split.left, out=self.inside)
                np.logical_and(self.over, self.inside, out=self.over)
            np.multiply(over, leaf.dtype.type(split.right - split.left), out=step)
            leaf += step
        return leaf

    def _settle_missing(self, column: int, split: Split) -> None:
        """Send rows without a value where the tree wants them."""
        lacks = self._lacks(column)
        if lacks is None:
            return
        if split.missing_right:
            self.over |= lacks
        else:
            self.over &= ~lacks

    def _lacks(self, column: int) -> NDArray[np.bool_] | None:
        """Rows without a value, None where every row has one."""
        if self.missing != OWN_CODE and self.features.dtype.kind != "f":
            return None
        if column not in self.lacks:
            values = self.features[column]
            found = np.isnan(values) if values.dtype.kind == "f" else values == OWN_CODE
            self.lacks[column] = found if found.any() else None
        return self.lacks[column]
