"""Which dates become eras, which of them are resolved, and where the panel is cut in two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from erazoo.config.schema import PricesSection
from erazoo.errors import DataError
from etl.prices.bars import Bars, era_bars

FEW_SYMBOLS = "fewer symbols than min_symbols"
YOUNG_SYMBOLS = "fewer symbols than min_symbols with the shortest window of history"


@dataclass(frozen=True)
class EraPlan:
    """The eras of a panel.

    Args:
        history: `bar` and `date` of the eras before the newest date, in order.
        newest: the newest bar; its rows are the live era.
        dropped: eras left out, by reason.
    """

    history: pl.DataFrame
    newest: int
    dropped: dict[str, int]

    @property
    def train(self) -> pl.DataFrame:
        """The older half of the history."""
        return self.history.head(self.history.height // 2)

    @property
    def validation(self) -> pl.DataFrame:
        """The newer half of the history, the larger one where the number is odd."""
        return self.history.slice(self.history.height // 2)

    def resolved(self, reach: int) -> pl.DataFrame:
        """History eras whose label of `reach` bars lies within the calendar."""
        return self.history.filter(pl.col("bar") + reach <= self.newest)

    def label_eras(self, reach: int) -> int:
        """The most eras, after its own, that one resolved label of `reach` bars touches."""
        bars = self.history["bar"]
        resolved = self.resolved(reach)["bar"]
        ends = bars.search_sorted(resolved + reach, side="right").to_numpy()
        return int(np.max(ends - 1 - np.arange(len(ends)), initial=0))


def plan(bars: Bars, section: PricesSection) -> EraPlan:
    """Choose the eras.

    The newest date is the live era and no part of the history: its week may be unfinished and
    none of its labels is known. A date with fewer than `min_symbols` symbols, or with fewer that
    have the shortest window of history, is left out.

    Raises:
        DataError: the newest date has too few symbols, or fewer than two eras are left.
    """
    seasoned = (pl.col("age") >= section.windows[0]).sum()
    counts = bars.frame.group_by("bar").agg(pl.len().alias("all"), seasoned.alias("seasoned"))
    chosen = era_bars(bars.calendar, section.every).join(counts, on="bar", maintain_order="left")
    _check_newest(chosen.row(-1, named=True), section.min_symbols, section.windows[0])
    history = chosen.head(-1)
    few = pl.col("all") < section.min_symbols
    young = ~few & (pl.col("seasoned") < section.min_symbols)
    dropped = {
        FEW_SYMBOLS: history.filter(few).height,
        YOUNG_SYMBOLS: history.filter(young).height,
    }
    kept = history.filter(~few & ~young).select("bar", "date")
    if kept.height < 2:
        raise DataError(
            "the price files give too few eras",
            received=f"{kept.height} eras kept of {history.height}"
            + "".join(f", {n} with {reason}" for reason, n in dropped.items() if n),
            expected="at least 2",
            hint="Lower prices.min_symbols or prices.windows, or give a longer history",
        )
    return EraPlan(kept, bars.last, {reason: n for reason, n in dropped.items() if n})


def _check_newest(newest: dict[str, Any], minimum: int, first_window: int) -> None:
    if newest["seasoned"] < minimum:
        raise DataError(
            "the newest date has too few symbols with history to be the live era",
            received=f"{newest['date']}: {newest['all']} symbols, "
            f"{newest['seasoned']} with {first_window} bars of history",
            expected=f"at least prices.min_symbols = {minimum}",
            hint="Take an unfinished date out of the files",
        )


def check_horizons(eras: EraPlan, section: PricesSection) -> None:
    """Refuse a horizon that no era's label fits into.

    Raises:
        DataError: no era of the history is resolved for one of the horizons.
    """
    for horizon in section.horizons:
        if eras.resolved(section.lag + horizon).is_empty():
            raise DataError(
                "no era is resolved",
                received=f"a label of {section.lag + horizon} bars for horizon {horizon}, and "
                f"{eras.newest - int(eras.history['bar'][0])} bars after the first era",
                hint="Shorten prices.horizons or give a longer history",
            )
