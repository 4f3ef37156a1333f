"""The rows that trees are grown on, or watched by, as every library needs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etl.shards.rows import ShardRows
from scoring.eras import EraSlices
from zoo.boosting.goal import Goal


@dataclass
class LabelledRows:
    """Some eras' rows with a resolved target.

    Args:
        rows: their features, on disk, and labels.
        slices: their eras.
        labels: (n,) as a library takes them.
        margins: (n,), or (n, classes), that earlier trees sum up to; None where there are none.
    """

    rows: ShardRows
    slices: EraSlices
    labels: NDArray[np.float32]
    margins: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, rows: ShardRows, goal: Goal) -> LabelledRows:
        """Rows, at least one, with their labels encoded."""
        bounds = np.cumsum([0, *rows.counts.values()]).astype(np.int64)
        slices = EraSlices(tuple(rows.counts), bounds)
        return cls(rows, slices, goal.encoded(rows.labels, slices))
