"""Every layout in which data may come, read to the same panel; every way to be wrong, named."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from erazoo.config import load
from erazoo.errors import DataError, ErazooError, LeakageError, SchemaError
from erazoo.panel import FeatureSpec
from erazoo.rundir import RunDir
from erazoo.tournament import CLASSIC, CRYPTO, target_bars
from etl.build import open_data, open_shards, shard
from etl.dataset import LiveData, live_ids
from etl.files import DataFiles
from etl.source import data_files

ERAS, ROWS, WIDTH = 8, 6, 4
TARGET = "target_ender_20"
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(n) for n in range(ERAS)]
SPLIT = ("split.scheme=fixed", "split.train=3", "split.validation=4", "split.purge=1")
LINE = (*SPLIT, "data.horizon=1")


class Sheet:
    """A small panel: codes (n, WIDTH) with -1 for missing, a target, ids and eras by number."""

    def __init__(self, seed: int = 0, eras: int = ERAS) -> None:
        rng = np.random.default_rng(seed)
        n = eras * ROWS
        self.number = np.repeat(np.arange(1, eras + 1), ROWS)
        self.codes = rng.integers(0, 5, (n, WIDTH)).astype(np.int8)
        self.codes[rng.random(self.codes.shape) < 0.1] = -1
        self.target = (rng.integers(0, 5, n) / 4).astype(np.float32)
        self.ids = [f"n{i:07x}" for i in range(n)]
        self.names = [f"feature_{'dbca'[j]}" for j in range(WIDTH)]

    def frame(self, steps: int = 1) -> pd.DataFrame:
        """Nullable columns; features as codes over `steps`."""
        values = self.codes.astype(np.float64) / steps
        values[self.codes < 0] = np.nan
        columns = {name: values[:, j] for j, name in enumerate(self.names)}
        eras = [f"{e:04d}" for e in self.number]
        return pd.DataFrame({"id": self.ids, "era": eras, **columns, TARGET: self.target})

    def quintiles(self, kind: str = "Int8") -> pd.DataFrame:
        return self.frame().astype(dict.fromkeys(self.names, kind))


SHEET = Sheet()


def save(frame: pd.DataFrame, path: Path, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path, index=frame.index.name is not None, **options)


def feature_json(folder: Path, **more: object) -> None:
    sets = {"small": SHEET.names[:2], **({} if more else {"all": SHEET.names})}
    (folder / "features.json").write_text(json.dumps({"feature_sets": sets, **more}))


Layout = Callable[[Path], tuple[str, ...]]
LAYOUTS: dict[str, Layout] = {}


def layout(function: Layout) -> Layout:
    LAYOUTS[function.__name__] = function
    return function


def numerai(folder: Path, *more: str) -> tuple[str, ...]:
    return ("data.source=numerai", f"data.dir={folder}", f"data.target={TARGET}", *more)


def in_two(frame: pd.DataFrame, folder: Path, suffix: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    indexed = frame.set_index("id")
    early = (frame["era"].astype(int) <= 5).to_numpy()
    save(indexed[early], folder / f"train{suffix}.parquet")
    save(indexed[~early], folder / f"validation{suffix}.parquet")


@layout
def classic_v5(folder: Path) -> tuple[str, ...]:
    in_two(SHEET.quintiles(), folder)
    feature_json(folder)
    return numerai(folder)


@layout
def classic_v4_in_quarters(folder: Path) -> tuple[str, ...]:
    """No set `all`, other keys in features.json, floating-point features."""
    in_two(SHEET.frame(4).astype(dict.fromkeys(SHEET.names, "float32")), folder)
    feature_json(folder, feature_stats={"feature_a": {"mean": 0.1}})
    return numerai(folder, "data.values=unit")


@layout
def classic_v4_int8_files(folder: Path) -> tuple[str, ...]:
    in_two(SHEET.quintiles(), folder, "_int8")
    feature_json(folder, feature_stats={})
    return numerai(folder)


@layout
def classic_v4_both_kinds_of_files(folder: Path) -> tuple[str, ...]:
    in_two(SHEET.quintiles(), folder, "_int8")
    in_two(SHEET.frame(4), folder)
    feature_json(folder, feature_stats={})
    return numerai(folder)


@layout
def classic_v4_both_kinds_the_other(folder: Path) -> tuple[str, ...]:
    classic_v4_both_kinds_of_files(folder)
    return numerai(folder, "data.values=unit")


@layout
def crypto_v2(folder: Path) -> tuple[str, ...]:
    """Symbols as the index, dates, quarters, no features.json, one file of history."""
    days = [DAYS[e - 1].isoformat() for e in SHEET.number]
    frame = SHEET.frame(4).drop(columns="era").assign(date=days)
    save(frame.rename(columns={"id": "symbol"}).set_index("symbol"), folder / "train.parquet")
    return numerai(folder, "data.tournament=crypto")


def named(*files: Path, more: tuple[str, ...] = ()) -> tuple[str, ...]:
    names = json.dumps([str(file) for file in files])
    return ("data.source=files", f"data.files={names}", f"data.target={TARGET}", *more)


@layout
def one_parquet(folder: Path) -> tuple[str, ...]:
    save(SHEET.quintiles(), folder / "panel.parquet")
    return named(folder / "panel.parquet")


@layout
def a_folder_of_parts(folder: Path) -> tuple[str, ...]:
    frame = SHEET.quintiles()
    for number, part in frame.groupby("era"):
        save(part, folder / f"part-{number}.parquet")
    return named(folder)


@layout
def folders_and_files_of_both_kinds(folder: Path) -> tuple[str, ...]:
    frame = SHEET.quintiles()
    late = (frame["era"] > "0006").to_numpy()
    save(frame[~late & (frame["era"] <= "0003")], folder / "a" / "x.parquet")
    frame[~late & (frame["era"] > "0003")].to_csv(folder / "b.csv", index=False)
    save(frame[late], folder / "c" / "y.pq")
    return named(folder / "a", folder / "b.csv", folder / "c")


@layout
def plain_csv(folder: Path) -> tuple[str, ...]:
    SHEET.quintiles().to_csv(folder / "panel.csv", index=False)
    return named(folder / "panel.csv")


@layout
def gzipped_csv_in_quarters(folder: Path) -> tuple[str, ...]:
    SHEET.frame(4).to_csv(folder / "panel.csv.gz", index=False)
    return named(folder / "panel.csv.gz", more=("data.values=unit",))


@layout
def csv_of_pyarrow(folder: Path) -> tuple[str, ...]:
    """Texts in quotes, and another order of columns."""
    frame = SHEET.quintiles()
    table = pa.Table.from_pandas(frame[frame.columns[::-1]], preserve_index=False)
    pc_csv.write_csv(table, folder / "panel.csv")
    return named(folder / "panel.csv", more=(order_of(SHEET.names[::-1]),))


def order_of(names: list[str]) -> str:
    return f"data.features={json.dumps(names)}"


@layout
def columns_of_other_names(folder: Path) -> tuple[str, ...]:
    renamed = {"id": "key", "era": "week", **{n: n.replace("feature", "x") for n in SHEET.names}}
    save(SHEET.quintiles().rename(columns=renamed), folder / "panel.parquet")
    return named(
        folder / "panel.parquet", more=("data.era=week", "data.id=key", 'data.features=["x_*"]')
    )


def of_kind(kind: str) -> Layout:
    def write(folder: Path) -> tuple[str, ...]:
        save(SHEET.quintiles(kind), folder / "panel.parquet")
        return named(folder / "panel.parquet")

    return write


for _kind in ("UInt8", "Int16", "Int64", "UInt32"):
    LAYOUTS[f"features_of_{_kind}"] = of_kind(_kind)


@layout
def float64_in_quarters(folder: Path) -> tuple[str, ...]:
    save(SHEET.frame(4), folder / "panel.parquet")
    return named(folder / "panel.parquet", more=("data.values=unit",))


@layout
def halves_in_quarters(folder: Path) -> tuple[str, ...]:
    table = pa.Table.from_pandas(SHEET.frame(4), preserve_index=False)
    for place, name in enumerate(table.column_names):
        if name in SHEET.names:
            table = table.set_column(place, name, table.column(name).cast(pa.float16()))
    pq.write_table(table, folder / "panel.parquet")
    return named(folder / "panel.parquet", more=("data.values=unit",))


@layout
def nan_that_is_no_null(folder: Path) -> tuple[str, ...]:
    frame = SHEET.frame(4)
    pq.write_table(
        pa.table({c: pa.array(frame[c].to_numpy()) for c in frame}), folder / "p.parquet"
    )
    assert pq.read_table(folder / "p.parquet").column("feature_a").null_count == 0
    return named(folder / "p.parquet", more=("data.values=unit",))


@layout
def dictionaries_everywhere(folder: Path) -> tuple[str, ...]:
    frame = SHEET.quintiles()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    arrays = [column.combine_chunks().dictionary_encode() for column in table.columns]
    pq.write_table(pa.table(arrays, names=table.column_names), folder / "panel.parquet")
    return named(folder / "panel.parquet")


@layout
def categories_of_pandas(folder: Path) -> tuple[str, ...]:
    frame = SHEET.quintiles()
    save(frame.astype(dict.fromkeys(["era", "id", *SHEET.names], "category")), folder / "p.parquet")
    return named(folder / "p.parquet")


@layout
def written_by_polars(folder: Path) -> tuple[str, ...]:
    pl.from_pandas(SHEET.quintiles()).write_parquet(folder / "panel.parquet")
    return named(folder / "panel.parquet")


def in_groups(rows: int) -> Layout:
    def write(folder: Path) -> tuple[str, ...]:
        save(SHEET.quintiles(), folder / "panel.parquet", row_group_size=rows)
        return named(folder / "panel.parquet")

    return write


for _rows in (1, 5, 6, 7, 100_000):
    LAYOUTS[f"row_groups_of_{_rows}"] = in_groups(_rows)


def with_eras(make: Callable[[int], Any], cast: Any = None) -> Layout:
    def write(folder: Path) -> tuple[str, ...]:
        table = pa.Table.from_pandas(SHEET.quintiles(), preserve_index=False)
        column = pa.array([make(int(e)) for e in SHEET.number])
        column = column if cast is None else column.cast(cast)
        pq.write_table(table.set_column(1, "era", column), folder / "panel.parquet")
        return named(folder / "panel.parquet")

    return write


def day(era: int) -> dt.date:
    return DAYS[era - 1]


def moment(era: int) -> dt.datetime:
    return dt.datetime.combine(day(era), dt.time())


NEW_YORK = pa.timestamp("us", "America/New_York")
LAYOUTS |= {
    "eras_as_numbers": with_eras(int),
    "eras_as_small_numbers": with_eras(int, pa.uint8()),
    "eras_as_dates": with_eras(day),
    "eras_as_dates_in_text": with_eras(lambda e: day(e).isoformat()),
    "eras_as_timestamps": with_eras(moment),
    "eras_as_nanoseconds": with_eras(moment, pa.timestamp("ns")),
    "eras_as_milliseconds_of_a_date": with_eras(day, pa.date64()),
    "eras_as_midnights_elsewhere": with_eras(
        lambda e: pd.Timestamp(day(e), tz="America/New_York").to_pydatetime(), NEW_YORK
    ),
    "eras_as_large_text": with_eras(lambda e: f"{e:04d}", pa.large_string()),
    "eras_as_text_views": with_eras(lambda e: f"{e:04d}", pa.string_view()),
}


@layout
def ids_as_numbers(folder: Path) -> tuple[str, ...]:
    save(SHEET.quintiles().assign(id=range(10**12, 10**12 + ERAS * ROWS)), folder / "p.parquet")
    return named(folder / "p.parquet")


@layout
def whole_targets(folder: Path) -> tuple[str, ...]:
    frame = SHEET.quintiles()
    save(frame.assign(**{TARGET: (frame[TARGET] * 4).astype("int32")}), folder / "p.parquet")
    return named(folder / "p.parquet")


def labels(name: str) -> list[str]:
    dated = ("dates", "timestamps", "nanoseconds", "milliseconds", "midnights")
    if "crypto" in name or any(word in name for word in dated):
        return [d.isoformat() for d in DAYS]
    plain = "numbers" in name and "eras" in name
    return [str(e) if plain else f"{e:04d}" for e in range(1, ERAS + 1)]


def expected_ids(name: str) -> list[str]:
    if name == "ids_as_numbers":
        return [str(n) for n in range(10**12, 10**12 + ERAS * ROWS)]
    if name == "crypto_v2":
        return [f"{i}_{DAYS[e - 1]}" for i, e in zip(SHEET.ids, SHEET.number, strict=True)]
    return SHEET.ids


def filled(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    return np.where(codes < 0, np.int8(2), codes)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_becomes_the_same_shards(name: str, tmp_path: Path) -> None:
    config = load(overrides=[*LINE, *LAYOUTS[name](tmp_path)], variables={})
    run = RunDir(tmp_path / "run")
    shard(config, run)
    shards, _ = open_shards(config, run)
    blocks = list(shards.blocks())
    assert [block.era for block in blocks] == labels(name)
    assert [i for block in blocks for i in block.ids] == expected_ids(name)
    features = np.concatenate([block.features for block in blocks])
    assert features.dtype == np.int8
    order = [SHEET.names.index(n.replace("x_", "feature_")) for n in shards.spec.names]
    np.testing.assert_array_equal(features, filled(SHEET.codes)[:, order])
    targets = np.concatenate([block.targets[:, 0] for block in blocks])
    scale = 4 if name == "whole_targets" else 1
    np.testing.assert_array_equal(targets, SHEET.target * scale)


def prepared(overrides: tuple[str, ...], tmp_path: Path) -> tuple[Any, Any]:
    config = load(overrides=[*LINE, *overrides], variables={})
    run = RunDir(tmp_path / "run")
    shard(config, run)
    return open_shards(config, run)


def test_other_numbers_stay_what_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0, 100, SHEET.codes.shape).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    frame = SHEET.frame().assign(**dict(zip(SHEET.names, values.T, strict=True)))
    save(frame, tmp_path / "p.parquet")
    frame.to_csv(tmp_path / "p.csv", index=False)
    for name in ("p.parquet", "p.csv"):
        overrides = named(tmp_path / name, more=("data.values=float",))
        shards, _ = prepared(overrides, tmp_path / name.replace(".", "-"))
        features, _ = shards.to_numpy()
        assert features.dtype == np.float32
        np.testing.assert_array_equal(features, values)


def test_columns_come_in_the_order_asked_for(tmp_path: Path) -> None:
    """Whatever the order in the file, and whatever names resemble a path."""
    rng = np.random.default_rng(1)
    names = [f"feature{dot}{n}" for n in range(40) for dot in ("", ".", "_")]
    rng.shuffle(names)
    x = rng.integers(0, 5, (ERAS * ROWS, len(names))).astype(np.int8)
    frame = pd.concat(
        [SHEET.frame()[["id", "era", TARGET]], pd.DataFrame(x, columns=names)], axis=1
    )
    save(frame, tmp_path / "panel.parquet", row_group_size=7)
    asked = sorted(names)
    (tmp_path / "features.json").write_text(json.dumps({"feature_sets": {"mine": asked}}))
    more = ("data.feature_set=mine",)
    shards, _ = prepared(named(tmp_path / "panel.parquet", more=more), tmp_path)
    assert shards.spec.names == tuple(asked)
    np.testing.assert_array_equal(shards.to_numpy()[0], x[:, [names.index(n) for n in asked]])


def test_few_of_many_files_are_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = Sheet(eras=40)
    for number, part in sheet.quintiles().groupby("era"):
        save(part, tmp_path / "parts" / f"{number}.parquet")
    monkeypatch.setattr("etl.tables.parquet.MOST_OPEN", 3)
    config = load(overrides=[*LINE, *named(tmp_path / "parts")], variables={})
    data = open_data(config, RunDir(tmp_path / "run"))
    assert len(data.eras()) == 40
    most = 0
    for block, expected in zip(data.blocks(), np.split(sheet.codes, 40), strict=True):
        np.testing.assert_array_equal(block.features, expected)
        held = [os.path.realpath(entry.path) for entry in os.scandir("/proc/self/fd")]
        most = max(most, sum(name.startswith(str(tmp_path / "parts")) for name in held))
    assert 1 <= most <= 4


@pytest.mark.parametrize(
    ("target", "bars"),
    [("target_nomi_v4_20", 20), ("target_ben_60", 60), ("target_binned_return_20", 20)],
)
def test_the_targets_of_every_version_name_their_horizon(target: str, bars: int) -> None:
    assert target_bars(target) == bars


def test_symbols_that_read_like_nothing(tmp_path: Path) -> None:
    symbols = ["NA", "null", "NaN", "None", "007", "1e5"]
    frame = SHEET.quintiles().assign(id=symbols * ERAS)
    frame.to_csv(tmp_path / "panel.csv", index=False)
    save(frame[:ROWS].drop(columns=["era", TARGET]), tmp_path / "live.parquet")
    frame[:ROWS].drop(columns=["era"]).to_csv(tmp_path / "live.csv", index=False)
    for live in ("live.parquet", "live.csv"):
        more = ("data.ids=assets", f"data.live={tmp_path / live}")
        overrides = named(tmp_path / "panel.csv", more=more)
        config = load(overrides=[*LINE, *overrides], variables={})
        files = data_files(config, RunDir(tmp_path / "run"))
        assert live_ids(files) == tuple(symbols)
        data = open_data(config, RunDir(tmp_path / "run"))
        first = next(data.blocks())
        assert first.ids.tolist() == [f"{symbol}_0001" for symbol in symbols]
        block = LiveData(files, data.spec).block()
        assert (block.era, block.ids.tolist()) == ("X", symbols)
        np.testing.assert_array_equal(block.features, SHEET.codes[:ROWS])


def test_the_live_ids_of_each_tournament(tournament_data: dict[str, Path]) -> None:
    ids = live_ids(DataFiles.folder(tournament_data["v5.3"], CLASSIC))
    assert (len(ids), ids[0]) == (120, "n" + "0" * 15)
    symbols = live_ids(DataFiles.folder(tournament_data["crypto/v2.0"], CRYPTO))
    assert (len(symbols), symbols[-1]) == (140, "S139")


def test_a_live_file_that_cannot_be_used(tmp_path: Path) -> None:
    path, files = tmp_path / "live.parquet", DataFiles.folder(tmp_path)
    with pytest.raises(DataError, match="a data file is missing"):
        live_ids(files)
    path.write_bytes(b"PAR1 torn")
    with pytest.raises(DataError, match="damaged or no parquet"):
        live_ids(files)
    pd.DataFrame({"f": [1, 2]}).to_parquet(path)
    with pytest.raises(SchemaError, match="lacks a column.*no id"):
        live_ids(files)
    pd.DataFrame({"id": ["a", "b", "a"]}).to_parquet(path)
    with pytest.raises(SchemaError, match=r"'a' in rows 0 and 2 of id of live\.parquet"):
        live_ids(files)
    save(SHEET.quintiles(), path)
    spec = FeatureSpec(tuple(SHEET.names))
    with pytest.raises(SchemaError, match="one era.*8 eras"):
        LiveData(files, spec).block()


def test_a_live_file_among_the_files_is_no_history(tmp_path: Path) -> None:
    frame = SHEET.quintiles()
    save(frame, tmp_path / "panel.parquet")
    save(frame[-ROWS:].assign(era="X"), tmp_path / "live.parquet")
    overrides = named(tmp_path, more=(f"data.live={tmp_path / 'live.parquet'}",))
    shards, _ = prepared(overrides, tmp_path)
    assert shards.manifest.rows == ERAS * ROWS


@pytest.mark.parametrize("names", [("era", "id"), ("week", "key"), ("week", "id")])
def test_references_by_either_name(names: tuple[str, str], tmp_path: Path) -> None:
    """A reference file calls era and id as the data do, or as the tournament does."""
    in_two(SHEET.quintiles(), tmp_path)
    for name in ("train", "validation"):
        frame = pd.read_parquet(tmp_path / f"{name}.parquet").reset_index()
        save(frame.rename(columns={"era": "week", "id": "key"}), tmp_path / f"{name}.parquet")
    feature_json(tmp_path)
    scores = np.random.default_rng(0).random(len(SHEET.ids)).astype(np.float32)
    meta = SHEET.frame()[["id", "era"]].assign(numerai_meta_model=scores)
    meta = meta.rename(columns=dict(zip(("era", "id"), names, strict=True)))
    save(
        meta.sample(frac=1, random_state=1).sort_values(names[0], kind="stable"),
        tmp_path / "meta_model.parquet",
    )
    shards, _ = prepared(numerai(tmp_path, "data.era=week", "data.id=key"), tmp_path)
    assert shards.references == ("numerai_meta_model",)
    np.testing.assert_array_equal(shards.labels().references[:, 0], scores)


def test_references_of_assets_are_joined_by_asset(tmp_path: Path) -> None:
    frame = SHEET.quintiles().assign(id=[f"S{n % ROWS}" for n in range(ERAS * ROWS)])
    in_two(frame, tmp_path)
    feature_json(tmp_path)
    scores = np.arange(len(frame), dtype=np.float32)
    save(frame[["id", "era"]].assign(numerai_meta_model=scores), tmp_path / "meta_model.parquet")
    shards, _ = prepared(numerai(tmp_path, "data.ids=assets"), tmp_path)
    np.testing.assert_array_equal(shards.labels().references[:, 0], scores)


Edit = Callable[[pd.DataFrame], pd.DataFrame]


def cell(column: str, row: int, value: Any, kind: str | None = None) -> Edit:
    def edit(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].to_list()
        values[row] = value
        return frame.assign(**{column: pd.Series(values, dtype=kind)})

    return edit


def column(name: str, make: Callable[[pd.DataFrame], Any]) -> Edit:
    return lambda frame: frame.assign(**{name: make(frame)})


WRONG: dict[str, tuple[Edit, tuple[str, ...], str]] = {
    "off the grid": (cell("feature_c", 13, 7, "Int8"), (), r"7 in column feature_c, row 13 of p\."),
    "below the grid": (cell("feature_c", 13, -1, "Int8"), (), r"-1 in column feature_c, row 13"),
    "a byte of 255": (cell("feature_c", 20, 255, "UInt8"), (), r"255 in column feature_c, row 20"),
    "a wide number": (cell("feature_c", 20, 2**40, "Int64"), (), rf"{2**40} in column feature_c"),
    "off the quarters": (
        lambda f: cell("feature_b", 9, 0.3, "float64")(SHEET.frame(4)),
        ("data.values=unit",),
        r"0\.3 in column feature_b, row 9 of p\.parquet.*0, 0\.25, 0\.5, 0\.75 or 1",
    ),
    "codes as quarters": (lambda f: f, ("data.values=unit",), "off its grid.*0.25"),
    "infinite": (
        lambda f: cell("feature_b", 9, float("inf"))(SHEET.frame()),
        ("data.values=float",),
        r"inf in column feature_b, row 9.*finite",
    ),
    "too large for a float": (
        lambda f: cell("feature_b", 9, 1e300)(SHEET.frame()),
        ("data.values=float",),
        r"1e\+300 in column feature_b, row 9",
    ),
    "floats undeclared": (
        lambda f: SHEET.frame(4),
        (),
        r"feature_d: double in p\.parquet.*data\.values = 'unit'",
    ),
    "text as a feature": (column("feature_d", lambda f: f["id"]), (), "quintile type.*feature_d"),
    "text as a float": (
        column("feature_d", lambda f: f["id"]),
        ("data.values=float",),
        "not of numbers.*feature_d",
    ),
    "truth as a feature": (column("feature_d", lambda f: f["id"] > ""), (), "feature_d: bool"),
    "no era": (cell("era", 11, None), (), r"era label is missing.*row 11 in era of .*p\.parquet"),
    "era a fraction": (column("era", lambda f: 1.5), (), "wrong type.*double in era of"),
    "era a truth": (column("era", lambda f: True), (), "wrong type.*bool in era of"),
    "era a word": (cell("era", 17, "May"), (), r"'May'.*column era in row 17 of .*p\.parquet"),
    "era an impossible date": (column("era", lambda f: "2024-02-30"), (), "'2024-02-30'.*row 0 of"),
    "era with hours": (
        column("era", lambda f: pd.date_range("2024-01-01", periods=len(f), freq="h")),
        (),
        r"time of day.*2024-01-01 01:00:00 in row 1 in era of",
    ),
    "eras of two kinds": (cell("era", -1, "2024-01-01"), (), "mix numbers and dates"),
    "no id": (cell("id", 8, None), (), r"none in row 8 of the ids of p\.parquet"),
    "an id a fraction": (column("id", lambda f: 0.5), (), "wrong type.*id: double"),
    "an id twice in its era": (
        cell("id", 8, "n0000007"),
        (),
        r"1 repeated, one of them 'n0000007' in row 7 of p\.parquet and row 8 of p\.parquet",
    ),
    "an id twice in all": (
        cell("id", 8, "n0000001"),
        (),
        r"'n0000001' in row 1 of p\.parquet and row 8 of p\.parquet.*data\.ids = 'assets'",
    ),
    "an asset twice in its era": (
        cell("id", 8, "n0000007"),
        ("data.ids=assets",),
        r"'n0000007' in rows 7 and 8 of",
    ),
    "an infinite target": (
        cell(TARGET, 30, float("-inf"), "float32"),
        (),
        rf"target is infinite.*{TARGET}, row 30 of p\.parquet",
    ),
    "text as a target": (
        column(TARGET, lambda f: f["id"]),
        (),
        rf"wrong type.*{TARGET}: .*numbers",
    ),
    "no such target": (
        lambda f: f,
        ("data.target=target_endr_20",),
        rf"no target_endr_20.*{TARGET}",
    ),
    "no such feature": (lambda f: f, ("data.features=['feature_q']",), "feature_q.*feature_d"),
    "no feature at all": (
        lambda f: f[["id", "era", TARGET]],
        (),
        r"no column of the data is called a feature.*data\.features",
    ),
    "a target as a feature": (
        lambda f: f,
        (f"data.features=['feature_a', '{TARGET}']",),
        f"a target is among the features.*{TARGET}",
    ),
    "no era column": (
        lambda f: f.rename(columns={"era": "wra"}),
        (),
        r"lacks a column.*no era.*wra",
    ),
    "no id column": (lambda f: f.drop(columns="id"), (), r"lacks a column.*no id"),
    "rows in any order": (
        lambda f: f.sample(frac=1, random_state=0),
        (),
        r"again in row \d+ of.*--sort",
    ),
    "eras backwards": (lambda f: f[::-1], (), "chronological order.*'0007' after.*--sort"),
    "no rows": (lambda f: f[:0], (), "empty"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name: str, tmp_path: Path) -> None:
    edit, more, message = WRONG[name]
    save(edit(SHEET.quintiles()).reset_index(drop=True), tmp_path / "p.parquet")
    with pytest.raises(ErazooError, match=message) as caught:
        prepared(named(tmp_path / "p.parquet", more=more), tmp_path)
    assert "\n" not in caught.value.message
    assert caught.value.exit_code in (2, 3)
    assert not list(tmp_path.rglob("manifest.json"))


def test_a_pattern_never_takes_a_target_in(tmp_path: Path) -> None:
    save(SHEET.quintiles().assign(target_x_60=np.float32(0.5)), tmp_path / "p.parquet")
    shards, _ = prepared(named(tmp_path / "p.parquet", more=("data.features=['*']",)), tmp_path)
    assert shards.spec.names == tuple(SHEET.names)
    with pytest.raises(LeakageError):
        prepared(
            named(tmp_path / "p.parquet", more=(f"data.features=['*', '{TARGET}']",)), tmp_path
        )


TEXT = SHEET.quintiles().to_csv(index=False)
LINES = TEXT.splitlines()


def replaced(line: int, text: str) -> str:
    return "\n".join([*LINES[:line], text, *LINES[line + 1 :]]) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (replaced(12, "x,0002,abc,1,1,1,0.5"), r"'abc' in column feature_d, row 11 of .*p\.csv"),
        (replaced(12, "x,0002,1,1,2.5,1,0.5"), r"2\.5 in column feature_c, row 11 of p\.csv"),
        (replaced(12, "x,0002,1,1"), r"cannot be read.*p\.csv.*Expected 7 columns, got 4"),
        (replaced(12, ",0002,1,1,1,1,0.5"), r"none in row 11 of the ids"),
        (replaced(12, "x,,1,1,1,1,0.5"), r"era label is missing.*row 11 in era"),
        (TEXT.replace("feature_d", "feature_c"), r"stands twice.*feature_c"),
        (TEXT.replace(",", ";"), "lacks a column.*no era"),
        ("", "Empty CSV file"),
        (LINES[0] + "\n", "empty"),
    ],
)
def test_what_is_wrong_in_a_csv_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        prepared(named(tmp_path / "p.csv"), tmp_path)
    assert "\n" not in caught.value.message


def test_a_number_far_down_in_a_csv_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the first block, which decides what a column is."""
    monkeypatch.setattr("etl.tables.delimited.BLOCK_BYTES", 512)
    (tmp_path / "p.csv").write_text(replaced(45, "x,0008,1,1,1,oops,0.5"))
    with pytest.raises(DataError, match=r"'oops' in column feature_a, row 44 of"):
        prepared(named(tmp_path / "p.csv"), tmp_path)


def test_half_a_gzip_is_found(tmp_path: Path) -> None:
    packed = gzip.compress(SHEET.quintiles().to_csv(index=False).encode())
    (tmp_path / "p.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"cannot be read.*p\.csv\.gz"):
        prepared(named(tmp_path / "p.csv.gz"), tmp_path)


def test_files_that_do_not_agree(tmp_path: Path) -> None:
    frame = SHEET.quintiles()
    late = frame[frame["era"] > "0004"]
    save(frame[frame["era"] <= "0004"], tmp_path / "a.parquet")
    both = named(tmp_path / "a.parquet", tmp_path / "b.parquet")
    for edited, message in (
        (late.drop(columns="feature_a"), r"b\.parquet lacks a column.*feature_a"),
        (late.astype({"feature_a": "Float32"}), r"feature_a: float in b\.parquet"),
        (frame[frame["era"] >= "0004"], r"two files.*'0004' again in .*b\.parquet.*--sort"),
        (frame[frame["era"] < "0004"], r"two files|chronological"),
    ):
        save(edited, tmp_path / "b.parquet")
        with pytest.raises(DataError, match=message):
            prepared(both, tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("[]", "needs files"),
        ("['{0}/none.parquet']", "missing.*none.parquet"),
        ("['{0}/empty']", "holds no table"),
        ("['{0}/p.parquet', '{0}/p.parquet']", "named twice"),
        ("['{0}', '{0}/p.parquet']", "named twice"),
        ("['{0}/p.xlsx']", r"unknown kind.*p\.xlsx.*\.parquet"),
        ("['{0}/p.txt']", "unknown kind"),
    ],
)
def test_files_that_cannot_be_opened(files: str, message: str, tmp_path: Path) -> None:
    save(SHEET.quintiles(), tmp_path / "p.parquet")
    (tmp_path / "empty").mkdir()
    for name in ("p.xlsx", "p.txt"):
        (tmp_path / name).write_text("x")
    overrides = (
        "data.source=files",
        f"data.files={files.format(tmp_path)}",
        f"data.target={TARGET}",
    )
    with pytest.raises(ErazooError, match=message):
        prepared(overrides, tmp_path)


@st.composite
def panels(draw: st.DrawFn) -> dict[str, Any]:
    """A panel of any schema, and how it is stored on either side."""
    eras = sorted(draw(st.sets(st.integers(1, 40), min_size=4, max_size=9)))
    values = draw(st.sampled_from(["quintile", "unit", "float"]))
    return {
        "eras": eras,
        "rows": [draw(st.integers(1, 12)) for _ in eras],
        "features": draw(st.integers(1, 8)),
        "targets": draw(st.integers(1, 3)),
        "values": values,
        "missing": draw(st.sampled_from([0.0, 0.2, 1.0])),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "group": draw(st.sampled_from([1, 2, 5, 1000])),
        "csv": draw(st.booleans()),
        "settings": {
            "shards.codec": draw(
                st.sampled_from(["raw", "raw" if values == "float" else "packed"])
            ),
            "shards.compression": draw(st.sampled_from(["none", "gzip", "zlib"])),
            "shards.layout": draw(st.sampled_from(["era", "flat"])),
            "shards.block_rows": draw(st.integers(1, 9)),
            "shards.shard_rows": draw(st.integers(1, 30)),
            "clean.missing": draw(
                st.sampled_from(["auto", "auto" if values == "float" else "own"])
            ),
        },
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(panels())
def test_what_is_read_equals_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, case: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("panel")
    rng = np.random.default_rng(case["seed"])
    n = sum(case["rows"])
    x = rng.integers(0, 5, (n, case["features"])).astype(np.float32)
    x = rng.normal(size=x.shape).astype(np.float32) if case["values"] == "float" else x
    x[rng.random(x.shape) < case["missing"]] = np.nan
    y = rng.normal(size=(n, case["targets"])).astype(np.float32)
    y[rng.random(y.shape) < 0.1] = np.nan
    y[:, 0] = np.nan_to_num(y[:, 0])
    written = x / 4 if case["values"] == "unit" else x
    frame = pd.DataFrame(
        {
            "id": [f"{i}é" for i in range(n)],
            "era": np.repeat([str(e) for e in case["eras"]], case["rows"]),
            **{f"feature {j}": written[:, j] for j in range(x.shape[1])},
            **{f"target_{j}_20": y[:, j] for j in range(y.shape[1])},
        }
    )
    if case["values"] == "quintile" and not case["csv"]:
        frame = frame.astype({c: "Int8" for c in frame if c.startswith("feature")})
    if case["csv"]:
        frame.to_csv(folder / "p.csv", index=False)
    else:
        save(frame, folder / "p.parquet", row_group_size=case["group"])
    first, last = case["eras"][0], case["eras"][-1]
    config = load(
        overrides=[
            "data.source=files",
            f"data.files=['{folder}/p.{'csv' if case['csv'] else 'parquet'}']",
            "data.target=target_0_20",
            "data.extra_targets=['target_*']",
            f"data.values={case['values']}",
            "data.horizon=1",
            "split.scheme=fixed",
            "split.purge=1",
            f"split.train={first}..{first}",
            f"split.validation={last}..{last}",
            *(f"{key}={value}" for key, value in case["settings"].items()),
        ],
        variables={},
    )
    shard(config, RunDir(folder / "run"))
    shards, _ = open_shards(config, RunDir(folder / "run"))
    features, again = shards.to_numpy()
    hole = {"auto": 2, "own": 5}[case["settings"]["clean.missing"]]
    expected = x if case["values"] == "float" else np.nan_to_num(x, nan=hole).astype(np.int8)
    np.testing.assert_array_equal(features, expected)
    np.testing.assert_array_equal(again.targets, y)
    assert again.ids.tolist() == frame["id"].tolist()
    assert again.eras.tolist() == frame["era"].tolist()
    manifest = shards.manifest
    assert [entry.rows for entry in manifest.eras.values()] == case["rows"]
    for j, target in enumerate(manifest.targets):
        known = np.isfinite(y[:, j]).astype(int)
        counts = [part.sum() for part in np.split(known, np.cumsum(case["rows"])[:-1])]
        assert [entry.resolved[target] for entry in manifest.eras.values()] == counts
    shards.verify()
