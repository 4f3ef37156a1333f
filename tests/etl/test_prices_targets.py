"""Targets of price panels against a plain loop, with gaps and delistings."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.prices.bars import Bars, place
from etl.prices.targets import binned_targets, forward_return

Quotes = dict[str, dict[int, float]]


def panel(quotes: Quotes) -> Bars:
    """Bars from {symbol: {day number: close}}; every day up to the last one must have a quote."""
    rows = [
        {"symbol": symbol, "day": day, "close": close}
        for symbol, closes in quotes.items()
        for day, close in closes.items()
    ]
    frame = pl.DataFrame(rows).select(
        "symbol", (pl.date(2022, 1, 1) + pl.duration(days="day")).alias("date"), "close"
    )
    return place(frame.sort("symbol", "date"), 3)


def returns(
    quotes: Quotes, horizon: int, lag: int = 1, max_gap: int = 3
) -> dict[tuple[str, int], float | None]:
    bars = panel(quotes)
    values = forward_return(bars, bars.frame, horizon, lag, max_gap)
    return dict(zip(bars.frame.select("symbol", "bar").iter_rows(), values, strict=True))


def expected(
    closes: dict[int, float], t: int, horizon: int, lag: int, max_gap: int
) -> float | None:
    begin, end = t + lag, t + lag + horizon
    entries = [day for day in closes if begin <= day <= begin + max_gap]
    exits = [day for day in closes if end - max_gap <= day <= end]
    if not entries or not exits or min(entries) >= max(exits) or end > max(closes):
        return None
    return math.log(closes[max(exits)] / closes[min(entries)])


def full(days: int, seed: int = 0) -> dict[int, float]:
    walk = np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.1, days)))
    return {day: float(close) for day, close in enumerate(walk)}


class TestForwardReturn:
    @settings(max_examples=60, deadline=None)
    @given(
        holes=st.lists(st.sets(st.integers(0, 24), max_size=20), min_size=3, max_size=3),
        horizon=st.integers(1, 8),
        lag=st.integers(0, 3),
        max_gap=st.integers(0, 4),
    )
    def test_equals_the_plain_loop(
        self, holes: list[set[int]], horizon: int, lag: int, max_gap: int
    ) -> None:
        quotes = {"calendar": full(25)}
        for number, hole in enumerate(holes):
            walk = full(25, number + 1)
            quotes[f"s{number}"] = {d: c for d, c in walk.items() if d not in hole}
        for (symbol, bar), value in returns(quotes, horizon, lag, max_gap).items():
            wanted = expected(quotes[symbol], bar, horizon, lag, max_gap)
            assert value == (None if wanted is None else pytest.approx(wanted))

    def test_lag_moves_the_entry(self) -> None:
        quotes = {"a": full(12)}
        for lag in (0, 1, 2):
            value = returns(quotes, 3, lag)["a", 4]
            assert value == pytest.approx(math.log(quotes["a"][7 + lag] / quotes["a"][4 + lag]))

    def test_a_delisted_symbol_has_no_label_past_its_last_bar(self) -> None:
        gone = {day: close for day, close in full(20, 1).items() if day <= 12}
        values = returns({"a": full(20), "gone": gone}, horizon=4)
        labelled = [
            bar for (symbol, bar), v in values.items() if symbol == "gone" and v is not None
        ]
        assert labelled == list(range(12 - 5 + 1))
        stays = [bar for (symbol, bar), v in values.items() if symbol == "a" and v is not None]
        assert stays == list(range(20 - 5))

    def test_max_gap_bounds_both_ends(self) -> None:
        late = {day: close for day, close in full(30, 1).items() if not 10 <= day <= 12}
        quotes = {"a": full(30), "late": late}
        assert returns(quotes, 6, max_gap=3)["late", 9] is not None
        assert returns(quotes, 6, max_gap=2)["late", 9] is None, "entry three bars late"
        assert returns(quotes, 6, max_gap=3)["late", 5] is not None
        assert returns(quotes, 6, max_gap=2)["late", 5] is None, "exit three bars early"

    @pytest.mark.parametrize("lag", [1, 2])
    def test_a_label_rests_on_its_own_span_only(self, lag: int) -> None:
        base, t, horizon = full(30), 10, 5
        before = returns({"a": base}, horizon, lag)["a", t]
        for day in range(30):
            moved = returns({"a": base | {day: base[day] * 2}}, horizon, lag)["a", t]
            touched = day in (t + lag, t + lag + horizon)
            assert (moved != before) == touched, day


class TestBinnedTargets:
    def table(self, count: int, known: int) -> pl.DataFrame:
        values = [float(n) if n < known else None for n in range(count)]
        return pl.DataFrame({"bar": [0] * count, "target_return_5": values})

    def test_values_dtype_and_missing(self) -> None:
        out = binned_targets(self.table(24, 20), ["target_return_5"], 5)["target_return_5"]
        assert out.dtype == pl.Float32
        assert out.is_nan().sum() == 4
        assert out.null_count() == 0
        counts = out.filter(out.is_not_nan()).value_counts(sort=False).sort("target_return_5")
        assert list(counts.iter_rows()) == [(0.0, 2), (0.25, 4), (0.5, 8), (0.75, 4), (1.0, 2)]

    def test_too_few_returns_give_no_target(self) -> None:
        for known, unknown in ((9, True), (10, False)):
            out = binned_targets(self.table(24, known), ["target_return_5"], 10)
            assert out["target_return_5"].is_nan().all() == unknown

    def test_dates_are_ranked_apart(self) -> None:
        later = self.table(10, 10).with_columns((pl.col("bar") + 1), pl.col("target_return_5") + 99)
        two = pl.concat([self.table(10, 10), later])
        out = binned_targets(two, ["target_return_5"], 5)["target_return_5"].to_list()
        assert out[:10] == out[10:]
