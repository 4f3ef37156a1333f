"""How the values of a column are distributed, for result files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_VALUES = 25
_BINS = 20


def value_counts(values: NDArray[Any]) -> list[tuple[str, int]]:
    """Rows by value, or by one of 20 equal ranges where there are more than 25 values.

    >>> value_counts(np.array([0.25, 0.5, 0.5, np.nan]))
    [('0.25', 1), ('0.5', 2)]

    Args:
        values: (n,), NaN is left out.

    Returns:
        (label, rows) in ascending order.
    """
    present = np.asarray(values, dtype=np.float64)
    present = present[np.isfinite(present)]
    distinct, counts = np.unique(present, return_counts=True)
    if len(distinct) <= MOST_VALUES:
        return [(f"{v:.4g}", int(n)) for v, n in zip(distinct, counts, strict=True)]
    counts, edges = np.histogram(present, bins=_BINS)
    return [
        (f"{low:.3g} to {high:.3g}", int(n))
        for n, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
    ]
