"""The common calendar of bars, and the bars that become eras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl


@dataclass(frozen=True)
class Bars:
    """Quotes placed on a calendar.

    Args:
        frame: symbol, date and values, sorted by symbol and date, with `bar` (the place of the
            date among all dates), `run` (one number for each unbroken history of one symbol) and
            `age` (bars since that history began).
        calendar: `bar` and `date`, every date on which any symbol has a quote.
    """

    frame: pl.DataFrame
    calendar: pl.DataFrame

    @property
    def last(self) -> int:
        """The newest bar."""
        return self.calendar.height - 1


def place(frame: pl.DataFrame, max_gap: int) -> Bars:
    """Number the bars of a cleaned table, sorted by symbol and date.

    A symbol without a quote for more than `max_gap` bars starts a new run: no window reaches
    over that gap, and after it the symbol counts as young.
    """
    calendar = frame.select(pl.col("date").unique().sort()).with_row_index("bar")
    calendar = calendar.with_columns(pl.col("bar").cast(pl.Int32))
    placed = frame.join(calendar, on="date", how="left", maintain_order="left")
    new_symbol = pl.col("symbol") != pl.col("symbol").shift(1)
    long_gap = pl.col("bar") - pl.col("bar").shift(1) > max_gap + 1
    placed = placed.with_columns(
        (new_symbol | long_gap).fill_null(value=False).cum_sum().cast(pl.UInt32).alias("run")
    )
    age = pl.int_range(pl.len(), dtype=pl.Int32).over("run").alias("age")
    return Bars(placed.with_columns(age), calendar)


def era_bars(calendar: pl.DataFrame, every: Literal["week", "day"]) -> pl.DataFrame:
    """`bar` and `date` of the bars that become eras.

    `day` takes every date, `week` the last date of each ISO week (Monday to Sunday).
    """
    if every == "day":
        return calendar
    week = pl.col("date").dt.truncate("1w")
    return calendar.filter(pl.col("date") == pl.col("date").max().over(week))
