"""Cross-sectional bins: ranks within a date, cut into five."""

from __future__ import annotations

import polars as pl

QUINTILE_EDGES = (1, 3)
TARGET_EDGES = (2, 4)


def binned(values: pl.Expr, edges: tuple[int, int]) -> pl.Expr:
    """Bins 0..4 of `values` among themselves; null stays null. Use it `.over` the era.

    Values are ranked with ties sharing their average rank, so that neither the order of rows nor
    a symbol's name moves a bin, and negated values give mirrored bins. With n values and the
    average rank r, a value lies d = (2r - 1 - n) / n from the centre, -1 < d < 1. The outer bins
    begin beyond |d| = edges[1] / 5 and the central bin ends at |d| = edges[0] / 5: (1, 3) gives
    quintiles, (2, 4) shares of 10, 20, 40, 20 and 10 %.
    """
    inner, outer = edges
    count = values.count().cast(pl.Int64)
    distance = (2 * values.rank("average") - 1).cast(pl.Int64) - count
    size = 5 * distance.abs()
    steps = (size > inner * count).cast(pl.Int8) + (size > outer * count).cast(pl.Int8)
    return 2 + distance.sign().cast(pl.Int8) * steps
