"""The rows of a panel: identifiers, codes and targets side by side."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from erazoo.config.schema import PricesSection
from erazoo.eras import LIVE_ERA
from erazoo.errors import DataError
from etl.prices.bars import Bars
from etl.prices.eras import EraPlan
from etl.prices.features import quintiles
from etl.prices.recipes import Recipe
from etl.prices.targets import binned_targets, forward_return, target_name

TRAIN, VALIDATION, LIVE = "train", "validation", "live"


def panel_table(
    bars: Bars, eras: EraPlan, found: Sequence[Recipe], section: PricesSection
) -> pl.DataFrame:
    """All rows of all eras, by date and symbol.

    Columns are `file` (train, validation or live), `bar`, `id`, `era`, `data_type`, the features
    and the targets.

    Raises:
        DataError: a target is unknown in every row.
    """
    rows = _rows(bars, eras)
    targets = _targets(bars, rows, section)
    for name in targets.columns:
        if targets[name].is_nan().all():
            raise DataError(
                "a target is unknown in every row",
                received=name,
                hint="Too few symbols have a price at both ends of a label; see prices.min_symbols",
            )
    named = _named(rows, eras, section.lag + section.horizons[-1])
    return named.hstack(quintiles(bars, found, rows)).hstack(targets)


def _rows(bars: Bars, eras: EraPlan) -> pl.DataFrame:
    wanted = [*eras.history["bar"], eras.newest]
    quotes = bars.frame.select("symbol", "date", "bar").with_row_index("row")
    return quotes.filter(pl.col("bar").is_in(wanted)).sort("bar", "symbol")


def _targets(bars: Bars, rows: pl.DataFrame, section: PricesSection) -> pl.DataFrame:
    names = [target_name(horizon) for horizon in section.horizons]
    returns = rows.select("bar").with_columns(
        forward_return(bars, rows, horizon, section.lag, section.max_gap)
        for horizon in section.horizons
    )
    return binned_targets(returns, names, section.min_symbols)


def _named(rows: pl.DataFrame, eras: EraPlan, reach: int) -> pl.DataFrame:
    bar = pl.col("bar")
    live = bar == eras.newest
    label = pl.col("date").dt.to_string("%Y-%m-%d")
    file = (
        pl.when(live)
        .then(pl.lit(LIVE))
        .when(bar < eras.validation["bar"][0])
        .then(pl.lit(TRAIN))
        .otherwise(pl.lit(VALIDATION))
    )
    unresolved = ~live & (bar + reach > eras.newest)
    return rows.select(
        file.alias("file"),
        bar,
        pl.when(live).then("symbol").otherwise(pl.col("symbol") + "_" + label).alias("id"),
        pl.when(live).then(pl.lit(LIVE_ERA)).otherwise(label).alias("era"),
        pl.when(unresolved).then(pl.lit("test")).otherwise(file).alias("data_type"),
    )
