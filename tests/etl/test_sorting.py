"""Rows in any order: sorted once, resumed after a kill, deleted when stale, the same every time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.config import Config, load
from erazoo.errors import SchemaError, UnsortedError
from erazoo.rundir import RunDir
from etl import tablesort
from etl.build import open_data, open_shards, shard
from etl.forecast import forecast
from etl.sorting import in_order, is_scattered
from etl.tablesort import TableSort, bucket_numbers

SETTINGS = ("data.extra_targets=['target_ender_60']", "split.folds=2", "split.margin=1")
TABLES = ("train", "validation", "train_benchmark_models", "meta_model")


def config_of(folder: Path, *more: str) -> Config:
    return load(overrides=[f"data.dir={folder}", *SETTINGS, *more], variables={})


def mixed(folder: Path, seed: int = 1) -> Path:
    """The data folder with its rows in another order, those of an era in the same one."""
    rng = np.random.default_rng(seed)
    for name in TABLES:
        path = folder / f"{name}.parquet"
        frame = pd.read_parquet(path)
        place = rng.random(len(frame))
        for era in frame["era"].unique():
            mine = (frame["era"] == era).to_numpy()
            place[mine] = np.sort(place[mine])
        frame.iloc[np.argsort(place)].to_parquet(path, index=False, row_group_size=17)
    return folder


@pytest.fixture
def scattered(tiny: Path, tmp_path: Path) -> Path:
    return mixed(Path(shutil.copytree(tiny, tmp_path / "scattered")))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets of two eras, a checkpoint after every batch."""
    monkeypatch.setattr(tablesort, "BUCKET_BYTES", 24 * 46)
    monkeypatch.setattr(tablesort, "CHECKPOINT_BYTES", 1)
    monkeypatch.setattr(tablesort, "GROUP_BYTES", 7 * 46)


def files_of(folder: Path, pattern: str = "*.tfrecord") -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob(pattern))}


def test_shards_are_those_of_sorted_files(
    tiny: Path, scattered: Path, tmp_path: Path, small: None
) -> None:
    plain, sorted_ = RunDir(tmp_path / "plain"), RunDir(tmp_path / "sorted")
    shard(config_of(tiny), plain)
    shard(config_of(scattered, "data.sort=true"), sorted_)
    assert len(list(sorted_.path("sorted", "history").glob("*.parquet"))) == 15
    assert files_of(plain.path("shards")) == files_of(sorted_.path("shards"))
    one, _ = open_shards(config_of(tiny), plain)
    other, _ = open_shards(config_of(scattered), sorted_)
    assert one.manifest.eras == other.manifest.eras
    assert other.manifest.facts["alias"] == {"target": "target_ender_60"}


def test_without_sort_it_is_an_error(scattered: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsortedError, match=r"era '\d{4}' again in row \d+ of .*--sort"):
        shard(config_of(scattered), RunDir(tmp_path / "run"))


def test_sorted_data_are_not_sorted_again(tiny: Path, tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    data = open_data(config_of(tiny), run)
    assert in_order(data, run) is data
    assert not run.path("sorted").exists()


def test_a_sort_serves_again(
    scattered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDir(tmp_path / "run")
    config = config_of(scattered, "data.sort=true")
    shard(config, run)
    before = files_of(run.path("sorted"), "*.parquet")
    monkeypatch.setattr(TableSort, "run", lambda _: pytest.fail("sorted again"))
    assert not shard(config_of(scattered, "data.sort=true", "split.folds=3"), run).get("skipped")
    assert files_of(run.path("sorted"), "*.parquet") == before


def test_a_stale_sort_is_deleted(scattered: Path, tiny: Path, tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    shard(config_of(scattered, "data.sort=true"), run)
    (run.path("sorted", "left")).write_text("x")
    shard(config_of(scattered, "data.sort=true", "data.features=['small']"), run)
    assert not run.path("sorted", "left").exists()
    assert open_shards(config_of(scattered, "data.features=['small']"), run)[0].manifest.rows == 360
    shard(config_of(mixed(scattered, seed=2), "data.sort=true"), run)
    assert run.path("sorted", "history").is_dir()
    shard(config_of(tiny, "split.folds=1"), run)
    assert not run.path("sorted").exists()


def test_what_is_deleted_is_sorted_again(scattered: Path, tmp_path: Path, small: None) -> None:
    run = RunDir(tmp_path / "run")
    data = open_data(config_of(scattered), run)
    in_order(data, run)
    before = files_of(run.path("sorted"), "*.parquet")
    run.path("sorted", "history", "part-00003.parquet").unlink()
    in_order(data, run)
    assert files_of(run.path("sorted"), "*.parquet") == before


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", [1, 2, 9, 30, 55, 70])
def test_interrupted_anywhere_it_goes_on(
    scattered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None, step: int
) -> None:
    """Stopped at its n-th append, checkpoint or file, the next run ends with the same files."""
    whole, run = RunDir(tmp_path / "whole"), RunDir(tmp_path / "run")
    data = open_data(config_of(scattered), run)
    in_order(data, whole)
    count = 0

    def limited(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal count
            count += 1
            if count == step:
                raise Killed
            return real(*arguments)

        return call

    with monkeypatch.context() as patch:
        for name in ("_append", "_checkpoint"):
            patch.setattr(TableSort, name, limited(getattr(TableSort, name)))
        patch.setattr(tablesort, "_write", limited(tablesort._write))
        with pytest.raises(Killed):
            in_order(data, run)
    in_order(data, run)
    kept = files_of(run.path("sorted"), "*.parquet")
    assert kept == files_of(whole.path("sorted"), "*.parquet")
    left = {p.name for p in run.path("sorted").rglob("*") if p.is_file()}
    assert left == {Path(name).name for name in kept} | {"owner.json"}


KILL = """
import os, signal, sys
from pathlib import Path
from erazoo.config import load
from erazoo.rundir import RunDir
from etl import tablesort
from etl.build import shard

tablesort.BUCKET_BYTES, tablesort.CHECKPOINT_BYTES = 24 * 46, 3000
real, calls = tablesort.Bucket.append, 0

def append(bucket, rows):
    global calls
    calls += 1
    if calls == int(sys.argv[2]):
        with bucket._path("features").open("ab") as stream:
            stream.write(b"half of a row")
            stream.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    real(bucket, rows)

tablesort.Bucket.append = append
shard(load(overrides=sys.argv[3:], variables={}), RunDir(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("append", [3, 150])
def test_killed_it_goes_on_from_its_checkpoint(
    scattered: Path, tmp_path: Path, append: int, seen_logs: pytest.LogCaptureFixture, small: None
) -> None:
    words = [f"data.dir={scattered}", *SETTINGS, "data.sort=true"]
    command = [sys.executable, "-c", KILL, str(tmp_path / "run"), str(append), *words]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    state = tmp_path / "run" / "sorted" / "history" / "progress.json"
    assert state.exists() == (append == 150)
    (state.parent / ".partial-0.parquet").write_text("half")
    shard(config_of(scattered, "data.sort=true"), RunDir(tmp_path / "run"))
    shard(config_of(scattered, "data.sort=true"), RunDir(tmp_path / "whole"))
    assert ("goes on where it was interrupted" in seen_logs.text) == (append == 150)
    for pattern in ("*.tfrecord", "*.parquet"):
        one, other = (files_of(tmp_path / name, pattern) for name in ("run", "whole"))
        assert one == other
    assert not list((tmp_path / "run").rglob(".partial-*"))


def test_a_spill_that_lost_its_end_begins_anew(
    scattered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    whole, run = RunDir(tmp_path / "whole"), RunDir(tmp_path / "run")
    data = open_data(config_of(scattered), run)
    in_order(data, whole)
    with monkeypatch.context() as patch:
        patch.setattr(tablesort, "_write", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            in_order(data, run)
    spill = run.path("sorted", "history", "part-00002.numbers")
    os.truncate(spill, spill.stat().st_size - 1)
    in_order(data, run)
    assert files_of(run.path("sorted"), "*.parquet") == files_of(whole.path("sorted"), "*.parquet")


def test_the_files_are_the_same_whatever_the_workers(
    scattered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    monkeypatch.setattr("etl.workers.TASK_ROWS", 40)
    found = []
    for workers in (1, 2):
        run = RunDir(tmp_path / str(workers))
        shard(config_of(scattered, "data.sort=true", f"shards.workers={workers}"), run)
        found.append((files_of(run.path("shards")), files_of(run.path("sorted"), "*.parquet")))
    assert found[0] == found[1]


def test_wrong_values_are_named_where_they_came_from(scattered: Path, tmp_path: Path) -> None:
    frame = pd.read_parquet(scattered / "validation.parquet")
    good = frame.copy()
    for column, value, message in (
        ("feature_2", np.int8(9), r"9 in column feature_2, row 31 of validation\.parquet"),
        ("target_ender_60", np.float32("inf"), r"target_ender_60, row 31 of validation\.parquet"),
        ("id", None, r"row 31 in id of validation\.parquet"),
        ("era", "May", r"'May'.*column era in row 31 of .*validation\.parquet"),
        ("era", None, r"label is missing.*row 31 in era"),
    ):
        frame = good.copy()
        frame.loc[31, column] = value
        frame.astype(good.dtypes).to_parquet(scattered / "validation.parquet", index=False)
        with pytest.raises(SchemaError, match=message):
            shard(config_of(scattered, "data.sort=true"), RunDir(tmp_path / "run"))


def test_one_era_under_two_labels(tiny: Path, tmp_path: Path) -> None:
    frame = pd.read_parquet(tiny / "train.parquet")
    frame.loc[frame.index[3:], "era"] = frame["era"].iloc[3:].replace("0001", "1")
    frame.to_parquet(tiny / "train.parquet", index=False)
    with pytest.raises(SchemaError, match="one era has two labels.*'0001' and '1'|'1' and '0001'"):
        shard(config_of(tiny, "data.sort=true"), RunDir(tmp_path / "run"))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(1, 60), max_size=60), st.integers(1, 10))
def test_a_bucket_holds_what_fits_or_one_era(counts: list[int], row_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tablesort, "BUCKET_BYTES", 100)
        numbers = bucket_numbers(counts, row_bytes)
    assert numbers.tolist() == sorted(numbers)
    for bucket in set(numbers.tolist()):
        held = [n for n, b in zip(counts, numbers, strict=True) if b == bucket]
        assert sum(held) * row_bytes <= 100 or len(held) == 1


@st.composite
def heaps(draw: st.DrawFn) -> dict[str, Any]:
    """Files of rows in any order, of several kinds of features and ids."""
    rows = draw(st.integers(3, 60))
    return {
        "eras": [draw(st.integers(1, 9)) for _ in range(rows)],
        "values": draw(st.sampled_from(["quintile", "unit", "float"])),
        "cut": draw(st.integers(1, rows - 1)),
        "csv": draw(st.booleans()),
        "bucket": draw(st.sampled_from([1, 300, 1 << 20])),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "dated": draw(st.booleans()),
    }


@settings(max_examples=60, deadline=None)
@given(heaps())
def test_rows_come_by_era_and_then_as_they_came(
    tmp_path_factory: pytest.TempPathFactory, case: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("heap")
    rng = np.random.default_rng(case["seed"])
    n = len(case["eras"])
    x = rng.integers(0, 5, (n, 3)).astype(np.float32)
    x[rng.random(x.shape) < 0.2] = np.nan
    y = rng.normal(size=n).astype(np.float32)
    eras = [f"2024-01-{e:02d}" if case["dated"] else str(e) for e in case["eras"]]
    ids = [f"ü{i}" * (1 + i % 3) for i in range(n)]
    written = {f"feature_{j}": x[:, j] / (4 if case["values"] == "unit" else 1) for j in range(3)}
    frame = pd.DataFrame({"id": ids, "era": eras, "target_x_20": y, **written})
    if case["values"] == "quintile":
        frame = frame.astype({f"feature_{j}": "Int8" for j in range(3)})
    parts = (frame[: case["cut"]], frame[case["cut"] :])
    parts[0].to_parquet(folder / "a.parquet", index=False, row_group_size=5)
    if case["csv"]:
        parts[1].to_csv(folder / "b.csv", index=False)
    else:
        parts[1].to_parquet(folder / "b.parquet", index=False)
    config = load(
        overrides=[
            "data.source=files",
            f"data.files=['{folder}']",
            "data.target=target_x_20",
            f"data.values={case['values']}",
        ],
        variables={},
    )
    run = RunDir(folder / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tablesort, "BUCKET_BYTES", case["bucket"])
        data = open_data(config, run)
        untouched = not is_scattered(data)
        blocks = list(in_order(data, run).blocks())
    assert run.path("sorted").exists() != untouched
    order = np.argsort(case["eras"], kind="stable")
    assert [i for block in blocks for i in block.ids] == [ids[i] for i in order]
    assert [b.era for b in blocks for _ in b.ids] == [eras[i] for i in order]
    features = np.concatenate([block.features for block in blocks])
    expected = x[order] if case["values"] == "float" else np.nan_to_num(x[order], nan=-1)
    np.testing.assert_array_equal(features, expected)
    targets = np.concatenate([block.targets[:, 0] for block in blocks])
    np.testing.assert_array_equal(targets, y[order])


def test_a_dry_run_knows_what_a_sort_will_give(scattered: Path, tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    config = config_of(scattered, "data.sort=true")
    planned = forecast(config, RunDir(tmp_path / "look", make=False))
    assert planned is not None
    assert not (tmp_path / "look").exists()
    assert planned["sort"]["rows"] == 360
    assert planned["sort"]["disk"] > 0
    written = shard(config, run)
    assert {k: planned[k] for k in ("rows", "eras", "files", "bytes")} == {
        k: written[k] for k in ("rows", "eras", "files", "bytes")
    }
    again = forecast(config, run)
    assert again is not None
    assert again["sort"] is None
    assert json.loads(json.dumps(again))["bytes"] == written["bytes"]
