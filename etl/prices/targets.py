"""Targets of a price panel: forward returns, ranked and binned per date."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from etl.prices.bars import Bars
from etl.prices.bins import TARGET_EDGES, binned


def target_name(horizon: int) -> str:
    """The column of a horizon in bars.

    >>> target_name(20)
    'target_return_20'
    """
    return f"target_return_{horizon}"


def forward_return(
    bars: Bars, rows: pl.DataFrame, horizon: int, lag: int, max_gap: int
) -> pl.Series:
    """Log return from bar t + lag to bar t + lag + horizon of the calendar, float64.

    `rows` holds `symbol` and `bar`. The entry is the first close at or after t + lag and the
    exit the last close at or before t + lag + horizon, each at most `max_gap` bars off: a price
    from before t + lag is never an entry, and nothing after t + lag + horizon is looked at but
    whether the symbol still trades. Null where the calendar or the symbol's history ends before
    the exit bar (a delisted symbol's last labels are unknown, not zero), or where a gap leaves
    no entry before the exit.
    """
    entry, leave = pl.col("bar") + lag, pl.col("bar") + lag + horizon
    wanted = rows.select("symbol", entry.alias("entry"), leave.alias("exit"))
    wanted = wanted.with_row_index("place")
    first = _quote(bars, wanted, "entry", max_gap)
    last = _quote(bars, wanted, "exit", max_gap)
    ends = bars.frame.group_by("symbol").agg(pl.col("bar").max().alias("end"))
    joined = (
        first.join(last.select("place", "exit_bar", "exit_close"), on="place")
        .join(ends, on="symbol", how="left")
        .sort("place")
    )
    known = (pl.col("exit") <= pl.col("end")) & (pl.col("entry_bar") < pl.col("exit_bar"))
    value = pl.col("exit_close").log() - pl.col("entry_close").log()
    return joined.select(pl.when(known).then(value).alias(target_name(horizon))).to_series()


def binned_targets(returns: pl.DataFrame, names: Sequence[str], minimum: int) -> pl.DataFrame:
    """Targets 0, 0.25, 0.5, 0.75, 1 (float32) per `bar`; NaN where there is no return.

    A date with fewer than `minimum` returns is left without targets: ranks among a handful of
    symbols say little.
    """
    enough = pl.col(names).count().over("bar") >= minimum
    quarters = binned(pl.col(names), TARGET_EDGES).over("bar").cast(pl.Float32) / 4
    return returns.select(pl.when(enough).then(quarters).fill_null(float("nan")).name.keep())


def _quote(bars: Bars, wanted: pl.DataFrame, side: str, max_gap: int) -> pl.DataFrame:
    quotes = bars.frame.select(
        "symbol",
        pl.col("bar").alias(f"{side}_bar"),
        pl.col("close").alias(f"{side}_close"),
    )
    return wanted.sort(side).join_asof(
        quotes.sort(f"{side}_bar"),
        left_on=side,
        right_on=f"{side}_bar",
        by="symbol",
        strategy="forward" if side == "entry" else "backward",
        tolerance=max_gap,
        coalesce=False,
        check_sortedness=False,
    )
