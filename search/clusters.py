"""Which of the best configurations are alike: an order that puts them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.similarity import rank_correlation
from search.scores import Mined

APART = 0.6
"""Clusters are those whose mean correlation with one another is lower."""


@dataclass(frozen=True)
class Clusters:
    """Configurations in the order of their tree.

    Attributes:
        ids: alike ones side by side.
        correlation: (n, n) in this order, NaN where undefined.
        groups: (n,) the cluster of each, from 1.
    """

    ids: tuple[str, ...]
    correlation: NDArray[np.float64]
    groups: NDArray[np.int64]


def cluster(mined: Mined, ids: Sequence[str], apart: float = APART) -> Clusters:
    """Order configurations by hierarchical clustering of their predictions.

    Average linkage on 1 - correlation, a mean over eras of that of ranks, with the leaves in the
    order that puts neighbours nearest (Bar-Joseph et al., Bioinformatics 17, 2001).

    Args:
        mined: the study.
        ids: of configurations; a hundred are read at once, not thousands.
        apart: see `APART`.
    """
    from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
    from scipy.spatial.distance import squareform

    slices, _ = mined.rows.segments
    alike = rank_correlation(mined.predictions(ids), slices)
    if len(ids) < 2:
        return Clusters(tuple(ids), alike, np.ones(len(ids), dtype=np.int64))
    distance = 1 - np.nan_to_num(alike)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    order = leaves_list(tree)
    groups = fcluster(tree, 1 - apart, "distance")[order]
    return Clusters(tuple(ids[k] for k in order), alike[np.ix_(order, order)], groups)
