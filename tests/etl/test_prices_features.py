"""Features of price panels: what they are, and that they never look ahead or aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal
from scipy import stats

from etl.prices.bars import Bars, era_bars, place
from etl.prices.bins import QUINTILE_EDGES, TARGET_EDGES, binned
from etl.prices.features import quintiles, raw_features
from etl.prices.read import VALUE_COLUMNS
from etl.prices.recipes import Recipe, feature_sets, recipes

Maker = Callable[..., pl.DataFrame]
Values = NDArray[np.float64]
WINDOWS = (4, 10, 20)
ALL = recipes(WINDOWS, VALUE_COLUMNS)
MAX_GAP = 3


def bars_of(table: pl.DataFrame) -> Bars:
    return place(table.sort("symbol", "date"), MAX_GAP)


def raw(table: pl.DataFrame, found: Sequence[Recipe] = ALL) -> pl.DataFrame:
    return raw_features(bars_of(table), found)


def codes(table: pl.DataFrame) -> pl.DataFrame:
    bars = bars_of(table)
    rows = bars.frame.select("symbol", "date", "bar").with_row_index("row").sort("bar", "symbol")
    return rows.hstack(quintiles(bars, ALL, rows))


def std(values: Values) -> float:
    return float(np.std(values, ddof=1))


def oracle(name: str, window: int, bars: dict[str, Values]) -> float:
    """One feature at the last of `bars` (numpy arrays of one symbol), from its definition."""
    close, volume = bars["close"], bars["volume"]
    returns = np.diff(np.log(close))
    recent, last = returns[-window:], slice(-window, None)
    money = close * volume
    low, high = bars["low"][last].min(), bars["high"][last].max()
    formulas: dict[str, Callable[[], float]] = {
        "momentum": lambda: np.log(close[-1] / close[-1 - window]),
        "reversal": lambda: -np.log(close[-1] / close[-1 - window]) / std(returns[-WINDOWS[1] :]),
        "trend_strength": lambda: recent.mean() / std(recent),
        "average_distance": lambda: close[-1] / close[last].mean(),
        "high_distance": lambda: np.log(close[-1] / close[last].max()),
        "low_distance": lambda: np.log(close[-1] / close[last].min()),
        "volatility": lambda: std(recent),
        "volatility_ratio": lambda: std(recent) / std(returns[-WINDOWS[-1] :]),
        "downside": lambda: float(np.mean(np.minimum(recent, 0) ** 2)),
        "skewness": lambda: float(stats.skew(recent)),
        "autocorrelation": lambda: np.corrcoef(recent[1:], recent[:-1])[0, 1],
        "parkinson": lambda: np.mean(np.log(bars["high"][last] / bars["low"][last]) ** 2),
        "close_position": lambda: (close[-1] - low) / (high - low),
        "body_share": lambda: (
            np.abs(close[last] - bars["open"][last]).sum()
            / (bars["high"][last] - bars["low"][last]).sum()
        ),
        "relative_volume": lambda: volume[-1] / volume[last].mean(),
        "volume_change": lambda: volume[-(window // 2) :].mean() / volume[last].mean(),
        "money_traded": lambda: money[last].mean(),
        "illiquidity": lambda: np.abs(recent).sum() / money[last].sum(),
    }
    return float(formulas[name]())


class TestDefinitions:
    def test_every_feature_is_what_its_name_says(self, make_prices: Maker) -> None:
        table = make_prices(2, 40, seed=3)
        values = raw(table)
        for symbol in ("S000", "S001"):
            own = table.filter(pl.col("symbol") == symbol)
            for end in (22, 31, 40):
                bars = {name: own[name].to_numpy()[:end] for name in VALUE_COLUMNS}
                row = values.filter(pl.col("symbol") == symbol).row(end - 1, named=True)
                for recipe in ALL:
                    name = recipe.name.removeprefix("feature_").rpartition("_")[0]
                    expected = oracle(name, recipe.window, bars)
                    assert row[recipe.name] == pytest.approx(expected, rel=1e-8, abs=1e-12)

    @pytest.mark.parametrize("windows", [(5, 10, 20, 60), (5, 20, 60, 120, 250), (4, 10, 30)])
    def test_close_only_tables_give_25_to_60_features(self, windows: tuple[int, ...]) -> None:
        names = [recipe.name for recipe in recipes(windows, ("close",))]
        assert 25 <= len(names) == len(set(names)) <= 60

    def test_columns_bring_their_features(self) -> None:
        def kinds(*columns: str) -> set[str]:
            return {recipe.kind for recipe in recipes(WINDOWS, columns)}

        basic = {"momentum", "reversal", "trend", "volatility", "shape"}
        assert kinds("close") == kinds("close", "high") == kinds("open", "close") == basic
        assert kinds("close", "high", "low") == basic | {"range"}
        assert kinds("close", "volume") == basic | {"volume"}
        assert kinds(*VALUE_COLUMNS) == basic | {"range", "volume"}

    @pytest.mark.parametrize("windows", [(5,), (5, 10), (4, 10, 30), (5, 20, 60, 120, 250)])
    def test_sets_are_nested_and_kinds_partition(self, windows: tuple[int, ...]) -> None:
        found = recipes(windows, VALUE_COLUMNS)
        sets = feature_sets(found, windows)
        assert 0 < len(sets["small"]) <= len(sets["medium"]) <= len(sets["all"]) == len(found)
        assert set(sets["small"]) <= set(sets["medium"]) <= set(sets["all"])
        groups = [sets[kind] for kind in sets if kind not in ("small", "medium", "all")]
        assert sorted(name for group in groups for name in group) == sorted(sets["all"])


class TestNoLookAhead:
    @pytest.mark.parametrize("cut", [1, 5, 23, 60, 89])
    def test_a_history_cut_at_t_gives_the_same_values_up_to_t(
        self, make_prices: Maker, cut: int
    ) -> None:
        table = make_prices(6, 90, seed=1)
        last = table["date"].unique().sort()[cut - 1]
        early = pl.col("date") <= last
        assert_frame_equal(raw(table.filter(early)), raw(table).filter(early), check_exact=True)
        assert_frame_equal(
            codes(table.filter(early)).drop("row"),
            codes(table).filter(early).drop("row"),
            check_exact=True,
        )

    def test_other_prices_later_change_nothing_before(self, make_prices: Maker) -> None:
        table = make_prices(4, 80, seed=2)
        moment = table["date"].unique().sort()[50]
        late = pl.col("date") > moment
        shocked = table.with_columns(
            pl.when(late).then(pl.col(name) * 3).otherwise(name).alias(name)
            for name in VALUE_COLUMNS
        )
        before, after = raw(table), raw(shocked)
        assert_frame_equal(before.filter(~late), after.filter(~late), check_exact=True)
        assert not before.filter(late).equals(after.filter(late))

    @settings(max_examples=25, deadline=None)
    @given(seed=st.integers(0, 10_000), extra=st.integers(1, 4), gap=st.integers(0, 30))
    def test_windows_never_run_into_another_symbol(self, seed: int, extra: int, gap: int) -> None:
        rng = np.random.default_rng(seed)
        table = simple(rng, 3 + extra, 50)
        if gap:
            hole = (pl.col("symbol") == "S000") & pl.col("bar").is_between(10, 9 + gap)
            table = table.filter(~hole)
        table = table.drop("bar")
        known = sorted(table["symbol"].unique())
        # Neighbours on both sides of the sort order come and go.
        few = table.filter(pl.col("symbol").is_in(known[1:3]))
        alone, among = raw(few), raw(table.sample(fraction=1, shuffle=True, seed=seed))
        assert_frame_equal(
            among.filter(pl.col("symbol").is_in(known[1:3])), alone, check_exact=True
        )


def simple(rng: np.random.Generator, symbols: int, bars: int) -> pl.DataFrame:
    days = pl.date_range(pl.date(2021, 1, 1), pl.date(2022, 1, 1), eager=True)[:bars]
    tables = []
    for number in range(symbols):
        close = np.exp(np.cumsum(rng.normal(0, 0.05, bars)))
        values = {"open": close, "high": close * 1.02, "low": close * 0.97, "close": close}
        tables.append(
            pl.DataFrame(
                {"symbol": [f"S{number:03}"] * bars, "date": days, "bar": range(bars), **values}
            ).with_columns(volume=rng.integers(0, 9, bars).astype(float))
        )
    return pl.concat(tables)


class TestGapsAndYouth:
    def test_a_symbol_younger_than_the_window_is_missing(self, make_prices: Maker) -> None:
        values = raw(make_prices(1, 40))
        for recipe in ALL:
            known = values[recipe.name].is_not_null().to_list()
            first = known.index(True)
            assert all(known[first:])
            assert first in (recipe.window - 1, recipe.window, WINDOWS[1], WINDOWS[2])
            assert first >= recipe.window - 1

    def test_missing_is_code_two(self, make_prices: Maker) -> None:
        table = make_prices(10, 30)
        newest = table["date"].unique().sort()[-3:]
        young = (pl.col("symbol") != "S004") | pl.col("date").is_in(newest.implode())
        coded = codes(table.filter(young)).filter(pl.col("symbol") == "S004")
        names = [recipe.name for recipe in ALL if recipe.window > 3]
        assert coded.height == 3
        assert (coded.select(names).to_numpy() == 2).all()

    def test_a_feature_that_nobody_has_is_all_two(self, make_prices: Maker) -> None:
        coded = codes(make_prices(10, 30)).filter(pl.col("bar") == 8)
        old = [recipe.name for recipe in ALL if recipe.window > 9]
        assert (coded.select(old).to_numpy() == 2).all()
        assert coded["feature_momentum_4"].n_unique() == 5

    def test_a_long_gap_starts_the_history_afresh(self, make_prices: Maker) -> None:
        table = make_prices(2, 60)
        days = table["date"].unique().sort()
        for missing, restarted in ((MAX_GAP, False), (MAX_GAP + 1, True)):
            hole = (pl.col("symbol") == "S000") & pl.col("date").is_in(
                days[30 : 30 + missing].implode()
            )
            values = raw(table.filter(~hole)).filter(pl.col("symbol") == "S000")
            after = values.filter(pl.col("date") == days[30 + missing])
            assert after["feature_momentum_4"].is_null().all() == restarted
            assert after["feature_average_distance_20"].is_null().all() == restarted
            fresh = raw(table.filter(pl.col("date") >= days[30 + missing])).filter(
                pl.col("symbol") == "S000"
            )
            same = values.filter(pl.col("date") >= days[30 + missing]).drop("bar")
            assert same.equals(fresh.drop("bar")) == restarted

    def test_bars_without_volume_are_no_accident(self, make_prices: Maker) -> None:
        quiet = (pl.col("symbol") == "S001") & (pl.col("date").dt.day() != 15)
        table = make_prices(6, 60).with_columns(volume=pl.when(quiet).then(0.0).otherwise("volume"))
        values = raw(table).filter(pl.col("symbol") == "S001")
        volumes = [recipe.name for recipe in ALL if recipe.kind == "volume"]
        assert values.select(pl.col(volumes).is_finite().fill_null(value=True).all()).row(0) == (
            True,
        ) * len(volumes)
        still = values["feature_money_traded_4"] == 0
        assert still.any()
        assert values.filter(still)["feature_illiquidity_4"].is_null().all()
        aged = values.slice(20)
        assert 0 < (aged["feature_money_traded_20"] > 0).sum() < aged.height
        traded = aged.filter(pl.col("feature_money_traded_20") > 0)
        assert traded["feature_illiquidity_20"].is_not_null().all()

    def test_a_value_beyond_all_numbers_is_missing(self, make_prices: Maker) -> None:
        values = raw(make_prices(1, 30).with_columns(volume=pl.lit(1e307)))
        assert values["feature_relative_volume_4"].is_not_null().sum() == 27
        assert values["feature_money_traded_4"].is_null().all()

    def test_a_price_that_never_moves_has_no_ratio(self, make_prices: Maker) -> None:
        flat = pl.col("symbol") == "S000"
        table = make_prices(6, 40).with_columns(
            pl.when(flat).then(10.0).otherwise(name).alias(name)
            for name in ("open", "high", "low", "close")
        )
        values = raw(table).filter(flat).tail(5)
        for name in ("trend_strength_10", "skewness_10", "autocorrelation_10", "reversal_1"):
            assert values[f"feature_{name}"].is_null().all()
        assert values["feature_close_position_10"].is_null().all()
        assert (values["feature_volatility_10"] == 0).all()

    def test_a_missing_range_is_missing_for_the_window_alone(self, make_prices: Maker) -> None:
        table = make_prices(3, 40)
        day = table["date"].unique().sort()[25]
        hurt = (pl.col("symbol") == "S002") & (pl.col("date") == day)
        table = table.with_columns(pl.when(~hurt).then("high").alias("high"))
        values = raw(table).filter(pl.col("symbol") == "S002")
        known = values["feature_parkinson_4"].is_not_null().to_list()
        assert [n for n in range(3, 40) if not known[n]] == [25, 26, 27, 28]
        assert values["feature_momentum_4"].is_not_null().sum() == 36


def cut(values: Sequence[float | None], edges: tuple[int, int]) -> list[int | None]:
    frame = pl.DataFrame({"v": values}, schema={"v": pl.Float64})
    return frame.select(binned(pl.col("v"), edges)).to_series().to_list()


class TestBins:
    @pytest.mark.parametrize("count", [5, 10, 20, 100, 136])
    def test_quintiles_are_equal(self, count: int) -> None:
        sizes = np.bincount(cut(list(range(count)), QUINTILE_EDGES), minlength=5)
        assert sizes.sum() == count
        assert sizes.max() - sizes.min() <= 2

    @pytest.mark.parametrize(
        ("count", "sizes"),
        [(10, [1, 2, 4, 2, 1]), (20, [2, 4, 8, 4, 2]), (100, [10, 20, 40, 20, 10])],
    )
    def test_target_shares(self, count: int, sizes: list[int]) -> None:
        assert np.bincount(cut(list(range(count)), TARGET_EDGES)).tolist() == sizes

    @settings(max_examples=200, deadline=None)
    @given(
        values=st.lists(st.none() | st.integers(-5, 5).map(float), min_size=1, max_size=60),
        seed=st.integers(0, 99),
        edges=st.sampled_from([QUINTILE_EDGES, TARGET_EDGES]),
    )
    def test_order_ties_and_signs(
        self, values: list[float | None], seed: int, edges: tuple[int, int]
    ) -> None:
        binning = cut(values, edges)
        code = dict(zip(values, binning, strict=True))
        assert binning == [code[value] for value in values], "equal values share a bin"
        assert code.get(None) is None
        known = sorted(value for value in code if value is not None)
        assert [code[v] for v in known] == sorted(code[v] for v in known)
        order = np.random.default_rng(seed).permutation(len(values))
        assert cut([values[n] for n in order], edges) == [binning[n] for n in order]
        mirrored = cut([None if v is None else -v for v in values], edges)
        assert mirrored == [None if c is None else 4 - c for c in binning]

    def test_all_equal_is_the_middle(self) -> None:
        assert cut([3.0] * 7, QUINTILE_EDGES) == [2] * 7


class TestCalendar:
    def test_a_week_ends_on_its_last_trading_date(self) -> None:
        days = ["2020-12-30", "2020-12-31", "2021-01-04", "2021-01-06", "2021-01-11"]
        calendar = pl.DataFrame({"date": days}).with_columns(
            pl.col("date").str.to_date(), bar=pl.int_range(5, dtype=pl.Int32)
        )
        weekly = era_bars(calendar, "week")["date"].cast(pl.String).to_list()
        assert weekly == ["2020-12-31", "2021-01-06", "2021-01-11"]
        assert era_bars(calendar, "day").equals(calendar)
