"""Reading and cleaning price tables."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from erazoo.config.load import load
from erazoo.config.schema import PricesSection
from erazoo.errors import ConfigError, DataError, SchemaError
from etl.prices import clean as cleaning
from etl.prices.clean import clean
from etl.prices.read import read_table, resolve

Maker = Callable[..., pl.DataFrame]
DAY = dt.date(2024, 1, 2)


def section(**values: Any) -> PricesSection:
    return PricesSection(**({"files": ("prices.csv",)} | values))


def quote(**values: Any) -> dict[str, Any]:
    return {"symbol": "A", "date": DAY, "close": 10.0} | values


def many(count: int, **values: Any) -> list[dict[str, Any]]:
    return [quote(symbol=f"Z{number}") | values for number in range(count)]


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


class TestRead:
    def test_parquet_csv_and_gzip_give_one_table(self, tmp_path: Path, make_prices: Maker) -> None:
        table = make_prices(3, 20)
        table.write_parquet(tmp_path / "p.parquet")
        table.write_csv(tmp_path / "p.csv")
        (tmp_path / "p.csv.gz").write_bytes(gzip.compress((tmp_path / "p.csv").read_bytes()))
        for name in ("p.parquet", "p.csv", "p.csv.gz"):
            assert_frame_equal(read_table(tmp_path / name, section()), table)

    def test_columns_are_found_whatever_their_case(self, tmp_path: Path) -> None:
        path = written(tmp_path / "p.csv", "Ticker,DATE,Close,VOLUME,note\nA,2024-01-02,5,7,x\n")
        table = read_table(path, section(symbol="ticker"))
        assert table.row(0, named=True) == quote(close=5.0, volume=7.0)

    def test_wide_equals_long(self, tmp_path: Path, make_prices: Maker) -> None:
        table = make_prices(4, 15).select("symbol", "date", "close")
        wide = table.pivot("symbol", index="date", values="close")
        wide.rename({"date": "Date"}).write_csv(tmp_path / "w.csv")
        read = read_table(tmp_path / "w.csv", section(layout="wide"))
        assert_frame_equal(read, table, check_row_order=False)

    def test_a_wide_table_may_hold_a_symbol_called_symbol(self, tmp_path: Path) -> None:
        path = written(tmp_path / "w.csv", "date,symbol,close\n2024-01-02,1,2\n")
        read = read_table(path, section(layout="wide"))
        assert read["symbol"].to_list() == ["symbol", "close"]

    def test_tickers_of_digits_keep_their_zeros(self, tmp_path: Path) -> None:
        path = written(tmp_path / "p.csv", "symbol,date,close\n000651,2024-01-02,5\n")
        assert read_table(path, section())["symbol"].to_list() == ["000651"]

    def test_times_become_dates_in_utc(self, tmp_path: Path) -> None:
        late = dt.datetime(2024, 1, 1, 23, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
        table = pl.DataFrame([quote(date=late)]).with_columns(
            pl.col("date").dt.convert_time_zone("America/New_York")
        )
        table.write_parquet(tmp_path / "p.parquet")
        assert read_table(tmp_path / "p.parquet", section())["date"].to_list() == [DAY]

    def test_text_times_and_date_format(self, tmp_path: Path) -> None:
        iso = written(tmp_path / "a.csv", "symbol,date,close\nA,2024-01-02 00:00:00,5\n")
        other = written(tmp_path / "b.csv", "symbol,date,close\nA,02/01/2024,5\n")
        assert read_table(iso, section())["date"].to_list() == [DAY]
        read = read_table(other, section(date_format="%d/%m/%Y"))
        assert read["date"].to_list() == [DAY]
        with pytest.raises(SchemaError, match=r"02/01/2024.*ISO date.*date_format"):
            read_table(other, section())

    def test_a_blank_or_nan_price_is_missing(self, tmp_path: Path) -> None:
        path = written(tmp_path / "p.csv", "symbol,date,close\nA,2024-01-02,\nB,2024-01-02,NaN\n")
        assert read_table(path, section())["close"].null_count() == 2

    @pytest.mark.parametrize(
        ("text", "values", "words"),
        [
            ("", {}, "cannot be read"),
            ("symbol,date,close\n", {}, "holds no row"),
            ("symbol,date,open\nA,2024-01-02,1\n", {}, "has no column 'close'"),
            ("symbol,day,close\nA,2024-01-02,1\n", {}, "has no column 'date'"),
            ("sym,date,close\nA,2024-01-02,1\n", {}, "has no column 'symbol'"),
            ("symbol,date,Close,close\nA,2024-01-02,1,2\n", {}, "two columns.*'close'"),
            ("symbol,date,close\nA,2024-01-02,n/a\n", {}, "other than numbers.*'n/a'"),
            ("symbol,date,close\nA,2024-01-02,1\nB,2024-13-02,1\n", {}, "1 of 2.*2024-13-02"),
            ("symbol,date,close\nA,,1\n", {}, "date .* cannot be parsed"),
            ("date,A,B\n2024-01-02,1,x\n", {"layout": "wide"}, "column 'B'.*'x'"),
            ("date\n2024-01-02\n", {"layout": "wide"}, "no symbol column"),
        ],
    )
    def test_malformed_text_is_refused(
        self, tmp_path: Path, text: str, values: dict[str, Any], words: str
    ) -> None:
        path = written(tmp_path / "prices.csv", text)
        with pytest.raises(SchemaError, match=words) as caught:
            read_table(path, section(**values))
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 3

    def test_truncated_files_are_refused(self, tmp_path: Path, make_prices: Maker) -> None:
        make_prices(5, 50).write_parquet(tmp_path / "p.parquet")
        make_prices(5, 50).write_csv(tmp_path / "p.csv")
        whole = {
            "p.parquet": (tmp_path / "p.parquet").read_bytes(),
            "p.csv.gz": gzip.compress((tmp_path / "p.csv").read_bytes()),
        }
        for name, content in whole.items():
            (tmp_path / name).write_bytes(content[: len(content) // 2])
            with pytest.raises(SchemaError, match=rf"{name} cannot be read") as caught:
                read_table(tmp_path / name, section())
            assert "\n" not in str(caught.value)

    def test_dates_as_numbers_are_refused(self, tmp_path: Path) -> None:
        pl.DataFrame([quote(date=20240102)]).write_parquet(tmp_path / "p.parquet")
        with pytest.raises(SchemaError, match="neither dates nor text"):
            read_table(tmp_path / "p.parquet", section())


class TestResolve:
    def test_relative_files_start_at_the_root(self, tmp_path: Path) -> None:
        inner, outer = tmp_path / "root" / "a.csv", tmp_path / "b.csv"
        inner.parent.mkdir()
        for path in (inner, outer):
            path.touch()
        assert resolve(section(files=("a.csv", str(outer))), inner.parent) == (inner, outer)

    @pytest.mark.parametrize(
        ("files", "words"),
        [
            ((), "names no file"),
            (("absent.csv",), "does not exist.*ERAZOO_DATA"),
            (("prices.xlsx",), "unknown kind"),
        ],
    )
    def test_bad_file_lists(self, tmp_path: Path, files: tuple[str, ...], words: str) -> None:
        with pytest.raises(ConfigError, match=words):
            resolve(section(files=files), tmp_path)

    @pytest.mark.parametrize(
        "override",
        [
            "prices.windows=[5,5]",
            "prices.windows=[2]",
            "prices.windows=[]",
            "prices.horizons=[0]",
            "prices.horizons=[]",
            'prices.layout="tall"',
            'prices.every="month"',
            'prices.files=["a.csv","a.csv"]',
            "prices.min_symbols=1",
            "prices.lag=-1",
        ],
    )
    def test_bad_options_are_configuration_errors(self, override: str) -> None:
        with pytest.raises(ConfigError, match=r"prices\."):
            load(overrides=[override])

    def test_windows_and_horizons_are_sorted(self) -> None:
        prices = section(windows=(20, 5), horizons=(10, 5))
        assert (prices.windows, prices.horizons) == ((5, 20), (5, 10))


class TestClean:
    def test_what_is_no_quote_is_dropped_and_counted(self) -> None:
        rows = [
            *many(60),
            quote(symbol=None),
            quote(symbol=" "),
            quote(close=None),
            quote(close=-1.0),
            quote(close=0.0),
            quote(),
            quote(),
        ]
        cleaned = clean(pl.DataFrame(rows, schema_overrides={"close": pl.Float64}))
        assert cleaned.dropped == {
            cleaning.NO_SYMBOL: 2,
            cleaning.NO_CLOSE: 1,
            cleaning.BAD_CLOSE: 2,
            cleaning.REPEATED: 1,
        }
        assert cleaned.frame.height == 61
        assert cleaned.blanked == {}

    def test_two_prices_for_one_day_are_refused(self) -> None:
        rows = [quote(), quote(close=11.0), quote(symbol="B")]
        with pytest.raises(SchemaError, match=r"A on 2024-01-02, 2 such rows.*daily bars"):
            clean(pl.DataFrame(rows))

    @pytest.mark.parametrize("close", [0.0, -3.0, float("inf")])
    def test_many_false_prices_are_refused(self, close: float) -> None:
        rows = [*many(18), *[quote(symbol=f"B{n}", close=close) for n in range(2)]]
        with pytest.raises(SchemaError, match=r"close not above zero.*2 of 20"):
            clean(pl.DataFrame(rows))

    @pytest.mark.parametrize(
        "values",
        [{"high": 9.0}, {"low": 11.0}, {"open": 13.0}, {"low": 0.0}, {"high": float("inf")}],
    )
    def test_a_range_that_contradicts_itself_is_blanked(self, values: dict[str, float]) -> None:
        bar = {"open": 10.0, "high": 12.0, "low": 8.0, "volume": 1.0}
        frame = pl.DataFrame([*many(30, **bar), quote(**(bar | values))])
        cleaned = clean(frame)
        row = cleaned.frame.filter(pl.col("symbol") == "A").row(0, named=True)
        assert (row["open"], row["high"], row["low"]) == (None, None, None)
        assert (row["close"], row["volume"]) == (10.0, 1.0)
        assert cleaned.blanked == {cleaning.BAD_RANGE: 1}
        assert cleaned.frame["high"].null_count() == 1

    def test_a_negative_volume_is_blanked_and_a_zero_kept(self) -> None:
        rows = [*many(30, volume=5.0), quote(volume=-1.0), quote(symbol="B", volume=0.0)]
        cleaned = clean(pl.DataFrame(rows))
        volumes = dict(cleaned.frame.select("symbol", "volume").iter_rows())
        assert volumes["A"] is None
        assert volumes["B"] == 0.0
        assert cleaned.blanked == {cleaning.BAD_VOLUME: 1}

    def test_ranges_that_never_fit_the_close_are_refused(self) -> None:
        with pytest.raises(SchemaError, match="unadjusted ranges"):
            clean(pl.DataFrame(many(30, high=100.0, low=90.0)))

    def test_nothing_left_is_an_error(self) -> None:
        rows = pl.DataFrame([quote(close=None)], schema_overrides={"close": pl.Float64})
        with pytest.raises(DataError, match=r"no usable row.*1 with no close"):
            clean(rows)
