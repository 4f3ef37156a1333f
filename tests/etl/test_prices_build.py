"""Whole price panels: the files, their determinism, planted and real signals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from erazoo.config.load import load
from erazoo.config.schema import PricesSection
from erazoo.eras import EraAxis
from erazoo.errors import ConfigError, DataError
from erazoo.publish import read_json
from etl.prices import PricesSummary, build, source

Maker = Callable[..., pl.DataFrame]
CONF = Path(__file__).resolve().parents[2] / "conf"
FILES = ("features.json", "train.parquet", "validation.parquet", "live.parquet", "prices.json")


def section(**values: Any) -> PricesSection:
    base: dict[str, Any] = {
        "files": ("prices.parquet",),
        "windows": (4, 10, 20),
        "horizons": (3, 8),
        "min_symbols": 10,
    }
    return PricesSection(**(base | values))


def built(folder: Path, table: pl.DataFrame, **values: Any) -> PricesSummary:
    folder.mkdir(parents=True, exist_ok=True)
    table.write_parquet(folder / "prices.parquet")
    return build(section(**values), folder / "out", folder)


def frames(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    names = ("train", "validation", "live")
    train, validation, live = (pd.read_parquet(folder / "out" / f"{n}.parquet") for n in names)
    return train, validation, live


def history(folder: Path) -> pd.DataFrame:
    return pd.concat(frames(folder)[:2])


def information(rows: pd.DataFrame, target: str) -> pd.DataFrame:
    """Per-era Spearman correlation of every feature with `target`, (eras, features).

    A feature that is constant in an era has NaN there.
    """
    features = [name for name in rows if name.startswith("feature_")]
    known = rows[rows[target].notna()]
    ranks = known.groupby("era")[[*features, target]].rank()
    centred = ranks - ranks.groupby(known["era"]).transform("mean")
    spread = np.sqrt((centred**2).groupby(known["era"]).sum())
    common = centred[features].mul(centred[target], axis=0).groupby(known["era"]).sum()
    return common / spread[features].mul(spread[target], axis=0)


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory, make_prices: Maker) -> Path:
    """A folder with a built panel of 14 symbols and 100 bars."""
    folder = tmp_path_factory.mktemp("panel")
    built(folder, make_prices(14, 100))
    return folder


class TestLayout:
    def test_files_and_types(self, panel: Path) -> None:
        assert sorted(p.name for p in (panel / "out").iterdir()) == sorted(FILES)
        listed = read_json(panel / "out" / "features.json")
        assert listed["targets"] == ["target_return_3", "target_return_8"]
        assert {"small", "medium", "all", "momentum", "volume"} <= set(listed["feature_sets"])
        for rows in frames(panel):
            assert rows.index.name == "id"
            assert rows.index.is_unique
            every = listed["feature_sets"]["all"]
            assert list(rows) == ["era", "data_type", *every, *listed["targets"]]
            assert set(rows[every].dtypes) == {np.dtype(np.int8)}
            assert set(np.unique(rows[every])) <= set(range(5))
            assert set(rows[listed["targets"]].dtypes) == {np.dtype(np.float32)}

    def test_id_is_an_ordinary_column_too(self, panel: Path) -> None:
        assert pq.read_schema(panel / "out" / "train.parquet").names[:3] == [
            "id",
            "era",
            "data_type",
        ]

    def test_eras_are_iso_dates_cut_in_half(self, panel: Path) -> None:
        train, validation, live = frames(panel)
        assert train["era"].is_monotonic_increasing
        assert validation["era"].is_monotonic_increasing
        older, newer = list(train["era"].unique()), list(validation["era"].unique())
        axis = EraAxis([*older, *newer])
        assert axis.dated
        assert 0 <= len(newer) - len(older) <= 1
        assert set(live["era"]) == {"X"}
        assert set(live["data_type"]) == {"live"}
        assert list(live.index) == [f"S{n:03}" for n in range(14)]
        first = train.iloc[0]
        assert train.index[0] == f"S000_{first['era']}"

    def test_unresolved_eras_are_test(self, panel: Path) -> None:
        train, validation, live = frames(panel)
        assert set(train["data_type"]) == {"train"}
        kinds = validation.groupby("era")["data_type"].first()
        assert list(kinds.unique()) == ["validation", "test"]
        assert (kinds == "test").sum() == 8
        test = validation["data_type"] == "test"
        assert validation.loc[test, "target_return_8"].isna().all()
        assert validation.loc[~test, ["target_return_3", "target_return_8"]].notna().all().all()
        short = validation.groupby("era")["target_return_3"].count()
        assert list(short.tail(9)) == [14] * 6 + [0] * 3
        assert live[["target_return_3", "target_return_8"]].isna().all().all()

    def test_the_summary_stands_beside_the_data(self, tmp_path: Path, make_prices: Maker) -> None:
        table = make_prices(14, 100)
        gone = (pl.col("symbol") == "S013") & (pl.col("date") > dt.date(2020, 3, 2))
        summary = built(tmp_path, table.filter(~gone))
        assert read_json(tmp_path / "out" / "prices.json") == summary.to_json()
        train, validation, live = frames(tmp_path)
        assert summary.rows == {
            "train": len(train),
            "validation": len(validation),
            "live": len(live),
        }
        assert len(live) == 13
        assert summary.eras == {
            "train": train["era"].nunique(),
            "validation": validation["era"].nunique(),
            "test": 8,
            "live": 1,
        }
        resolved = history(tmp_path).dropna(subset="target_return_8")["era"].nunique()
        assert summary.resolved_eras["target_return_8"] == resolved
        assert (summary.symbols, summary.ended_symbols, summary.bars) == (14, 1, 100)
        assert (summary.first_date, summary.last_date) == ("2020-01-01", "2020-05-19")
        assert summary.unlabelled == {"target_return_3": 4, "target_return_8": 9}
        assert summary.label_bars == {"target_return_3": 4, "target_return_8": 9}
        assert summary.label_eras == summary.label_bars
        assert "target_return_8 reaches 9 bars past its era: 1 of lag" in summary.notes[1]
        assert "delisted" in summary.notes[2]

    def test_weeks(self, tmp_path: Path, make_prices: Maker) -> None:
        table = make_prices(14, 100)
        fridays = pl.col("date").is_in([dt.date(2020, 4, 10)])
        summary = built(tmp_path, table.filter(~fridays), every="week")
        eras = [dt.date.fromisoformat(e) for e in history(tmp_path)["era"].unique()]
        assert [day for day in eras if day.weekday() != 4] == [dt.date(2020, 4, 9)]
        assert {(b - a).days for a, b in pairwise(eras)} == {6, 7, 8}
        assert summary.label_eras == {"target_return_3": 1, "target_return_8": 2}

    def test_gaps_count_for_features_and_targets(self, tmp_path: Path, make_prices: Maker) -> None:
        table = make_prices(14, 100)
        days = table["date"].unique().sort()
        hole = (pl.col("symbol") == "S003") & pl.col("date").is_in(days[60:64].implode())
        rows = {}
        for max_gap in (3, 4):
            built(tmp_path / str(max_gap), table.filter(~hole), max_gap=max_gap)
            rows[max_gap] = history(tmp_path / str(max_gap))
        before, after = f"S003_{days[59]}", f"S003_{days[64]}"
        assert np.isnan(rows[3].loc[before, "target_return_8"])
        assert not np.isnan(rows[4].loc[before, "target_return_8"])
        codes = [name for name in rows[3] if name.startswith("feature_")]
        assert (rows[3].loc[after, codes] == 2).all()
        assert not (rows[4].loc[after, codes] == 2).all()
        assert f"S003_{days[61]}" not in rows[3].index


class TestDeterminism:
    def test_the_order_of_input_rows_changes_no_byte(
        self, tmp_path: Path, make_prices: Maker
    ) -> None:
        table = make_prices(12, 80)
        built(tmp_path / "a", table)
        built(tmp_path / "b", table.sample(fraction=1, shuffle=True, seed=5))
        for name in FILES[:4]:
            one, other = ((tmp_path / side / "out" / name).read_bytes() for side in "ab")
            assert one == other, name

    def test_several_files_are_one_panel(self, tmp_path: Path, make_prices: Maker) -> None:
        table = make_prices(12, 80)
        built(tmp_path / "a", table)
        upper = pl.col("symbol") > "S005"
        (tmp_path / "b").mkdir()
        table.filter(upper).write_csv(tmp_path / "b" / "x.csv")
        table.filter(~upper).write_parquet(tmp_path / "b" / "y.parquet")
        build(section(files=("x.csv", "y.parquet")), tmp_path / "b" / "out", tmp_path / "b")
        pd.testing.assert_frame_equal(history(tmp_path / "a"), history(tmp_path / "b"))

    @pytest.mark.parametrize("cut", [40, 63, 90])
    def test_live_codes_equal_those_of_the_later_history(
        self, tmp_path: Path, make_prices: Maker, cut: int
    ) -> None:
        table = make_prices(12, 110)
        day = table["date"].unique().sort()[cut]
        built(tmp_path / "full", table)
        built(tmp_path / "cut", table.filter(pl.col("date") <= day))
        rows, (*_, live) = history(tmp_path / "full"), frames(tmp_path / "cut")
        codes = [name for name in rows if name.startswith("feature_")]
        later = rows[rows["era"] == str(day)][codes]
        assert list(later.index) == [f"{symbol}_{day}" for symbol in live.index]
        assert (later.to_numpy() == live[codes].to_numpy()).all()

    def test_known_targets_stay_as_they_are_when_time_goes_on(
        self, tmp_path: Path, make_prices: Maker
    ) -> None:
        table = make_prices(12, 110)
        day = table["date"].unique().sort()[80]
        built(tmp_path / "full", table)
        built(tmp_path / "cut", table.filter(pl.col("date") <= day))
        early, rows = history(tmp_path / "cut"), history(tmp_path / "full")
        for target in ("target_return_3", "target_return_8"):
            known = early[target].dropna()
            assert len(known) > 12 * 60
            assert (rows.loc[known.index, target] == known).all()


class TestSignal:
    def test_planted_momentum_is_found(self, tmp_path: Path, make_prices: Maker) -> None:
        built(tmp_path, make_prices(20, 160, seed=4, drift=0.02))
        found = information(history(tmp_path), "target_return_8").mean()
        assert found["feature_momentum_20"] > 0.3
        assert found["feature_average_distance_20"] > 0.3
        assert found["feature_reversal_3"] < -0.1
        assert abs(found["feature_relative_volume_10"]) < 0.1

    def test_random_walks_hold_nothing(self, tmp_path: Path, make_prices: Maker) -> None:
        built(tmp_path, make_prices(30, 400, seed=8), horizons=(3,))
        per_era = information(history(tmp_path), "target_return_3")
        apart = per_era.iloc[24::4]  # no two of these labels overlap
        scores = apart.mean() / (apart.std() / np.sqrt(len(apart)))
        assert len(apart) > 80
        assert scores.abs().max() < 4.5
        assert per_era.mean().abs().max() < 0.08


class TestRefusals:
    def test_thin_dates_are_dropped_and_counted(self, tmp_path: Path, make_prices: Maker) -> None:
        table = make_prices(12, 80)
        thin = table["date"].unique().sort()[[50, 51]]
        kept = (pl.col("symbol") < "S005") | ~pl.col("date").is_in(thin.implode())
        summary = built(tmp_path, table.filter(kept))
        assert not set(history(tmp_path)["era"]) & {str(day) for day in thin}
        assert summary.dropped_eras == {
            "fewer symbols than min_symbols": 2,
            "fewer symbols than min_symbols with the shortest window of history": 4,
        }

    @pytest.mark.parametrize(
        ("bars", "values", "words"),
        [
            (4, {}, "newest date has too few symbols with history"),
            (5, {}, "too few eras"),
            (60, {"min_symbols": 13}, "2020-03-24: 12 symbols.*min_symbols = 13"),
            (20, {"horizons": (3, 40)}, "no era is resolved.*41 bars for horizon 40"),
        ],
    )
    def test_too_little_data(
        self, tmp_path: Path, make_prices: Maker, bars: int, values: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(DataError, match=words) as caught:
            built(tmp_path, make_prices(12, bars), **values)
        assert caught.value.exit_code == 3
        assert not (tmp_path / "out").exists()

    def test_targets_that_nobody_has(self, tmp_path: Path, make_prices: Maker) -> None:
        table = make_prices(12, 40)
        halfway = table["date"].unique().sort()[20]
        late = table.filter(pl.col("date") > halfway)
        late = late.with_columns(symbol="Z" + pl.col("symbol"))
        with pytest.raises(DataError, match=r"unknown in every row.*target_return_25"):
            built(
                tmp_path,
                pl.concat([table.filter(pl.col("date") <= halfway), late]),
                horizons=(3, 25),
            )
        assert not (tmp_path / "out").exists()

    def test_a_failure_while_writing_leaves_no_summary(
        self, tmp_path: Path, make_prices: Maker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        table = make_prices(12, 60)
        built(tmp_path, table)
        write = source.write_rows

        def failing(path: Path, *rest: Any) -> None:
            if path.name == "live.parquet":
                raise OSError("no space left")
            write(path, *rest)

        monkeypatch.setattr(source, "write_rows", failing)
        with pytest.raises(OSError, match="no space"):
            built(tmp_path, table)
        assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(FILES[:4])

    def test_bad_input_leaves_an_older_panel_alone(
        self, tmp_path: Path, make_prices: Maker
    ) -> None:
        built(tmp_path, make_prices(12, 60))
        before = {name: (tmp_path / "out" / name).read_bytes() for name in FILES}
        with pytest.raises(DataError):
            built(tmp_path, make_prices(3, 60))
        assert before == {name: (tmp_path / "out" / name).read_bytes() for name in FILES}

    def test_a_file_in_the_way(self, tmp_path: Path, make_prices: Maker) -> None:
        (tmp_path / "out").write_text("")
        with pytest.raises(ConfigError, match="file is in the way"):
            built(tmp_path, make_prices(12, 60))


class TestRealData:
    @pytest.mark.parametrize(
        ("name", "symbols", "features"), [("us_stocks", 20, 50), ("coins", 136, 51)]
    )
    def test_experiments_build_and_hold_only_weak_signals(
        self, tmp_path: Path, real_data: Path, name: str, symbols: int, features: int
    ) -> None:
        config = load(CONF / f"{name}.toml", variables={})
        summary = build(config.prices, tmp_path / "out", real_data)
        wanted = (config.data.target, *config.data.extra_targets)
        assert set(wanted) == set(summary.targets)
        assert (summary.symbols, sum(summary.features.values())) == (symbols, features)
        assert (summary.dropped_rows, summary.blanked_rows) == ({}, {})
        rows = history(tmp_path)
        for target in wanted:
            shares = rows[target].value_counts(normalize=True).sort_index()
            assert np.allclose(shares, [0.1, 0.2, 0.4, 0.2, 0.1], atol=0.01)
            found = information(rows, target).mean().abs()
            assert found.notna().all()
            assert 0.02 < found.max() < 0.20

    @pytest.mark.parametrize("name", ["us_stocks", "coins"])
    def test_the_purge_covers_every_label(self, tmp_path: Path, real_data: Path, name: str) -> None:
        config = load(CONF / f"{name}.toml", variables={})
        summary = build(config.prices, tmp_path / "out", real_data)
        reach = {"us_stocks": (5, 13), "coins": (6, 11)}[name]
        targets = (config.data.target, *config.data.extra_targets)
        assert tuple(summary.label_eras[target] for target in targets) == reach
        for target in targets:
            purge = summary.label_eras[target] + config.split.margin
            assert summary.resolved_eras[target] > 5 * purge
