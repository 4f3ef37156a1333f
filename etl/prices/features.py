"""Features of price bars: raw values per symbol, then quintiles per date."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import polars as pl

from erazoo.panel import MISSING_QUINTILE
from etl.prices.bars import Bars
from etl.prices.bins import QUINTILE_EDGES, binned
from etl.prices.recipes import Recipe, base_columns

KEYS = ("symbol", "date", "bar")


def raw_features(bars: Bars, found: Sequence[Recipe]) -> pl.DataFrame:
    """`KEYS` and one float64 column a feature, a row a quote; null where it cannot be known.

    A value at a date rests on the symbol's own bars up to that date, within one run: a symbol
    younger than the window, or back from a long gap, has null.
    """
    return _evaluate(base_columns(bars.frame), found)


def quintiles(bars: Bars, found: Sequence[Recipe], rows: pl.DataFrame) -> pl.DataFrame:
    """Int8 codes 0..4 of all features, a row of codes for each row of `rows`.

    `rows` holds `bar` and `row`, the place of a quote in `bars.frame`. Codes are taken among the
    rows of one bar; a missing value has the code 2, so that a feature that nobody has on a date
    is all 2. One group of features is held at a time.
    """
    frame = base_columns(bars.frame)
    codes: list[pl.DataFrame] = []
    for key in dict.fromkeys((recipe.kind, recipe.window) for recipe in found):
        group = [recipe for recipe in found if (recipe.kind, recipe.window) == key]
        values = _evaluate(frame, group)[rows["row"]].with_columns(rows["bar"])
        codes.append(values.select(_code(recipe.name) for recipe in group))
    coded = reduce(pl.DataFrame.hstack, codes)
    return coded.select(recipe.name for recipe in found)


def _code(name: str) -> pl.Expr:
    code = binned(pl.col(name), QUINTILE_EDGES).over("bar")
    return code.fill_null(MISSING_QUINTILE).cast(pl.Int8).alias(name)


def _evaluate(frame: pl.DataFrame, found: Sequence[Recipe]) -> pl.DataFrame:
    values = frame.select(*KEYS, *(recipe.value.over("run").alias(recipe.name) for recipe in found))
    return values.with_columns(
        pl.when(pl.col(recipe.name).is_finite()).then(pl.col(recipe.name)).alias(recipe.name)
        for recipe in found
    )
