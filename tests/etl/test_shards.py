"""Shards: what is read equals what was written, with and without TensorFlow."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.config import load
from erazoo.errors import ErazooError, ShardError, StaleDataError
from erazoo.panel import EraBlock, FeatureSpec
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from etl.shards import Manifest, ShardFormat, ShardSet, ShardWriter
from etl.shards.codec import decode, encode
from etl.shards.naming import ShardName
from etl.shards.tfrecord import read_records

TARGETS = ["target_ender_20", "target_ender_60"]


@st.composite
def blocks(draw: st.DrawFn) -> EraBlock:
    rows, width = draw(st.integers(0, 20)), draw(st.integers(1, 9))
    targets, references = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.int8, np.float32]))
    y = rng.normal(size=(rows, targets)).astype(np.float32)
    y[rng.random(y.shape) < 0.3] = np.nan
    return EraBlock(
        era=f"{draw(st.integers(1, 9999)):04d}",
        ids=np.array([draw(st.text(min_size=1, max_size=8)) for _ in range(rows)], dtype=object),
        features=rng.integers(-9, 9, (rows, width)).astype(dtype),
        targets=y,
        references=rng.normal(size=(rows, references)).astype(np.float32),
    )


def form_of(block: EraBlock, **options: Any) -> ShardFormat:
    spec = FeatureSpec(
        tuple(f"f{j}" for j in range(block.features.shape[1])), dtype=block.features.dtype
    )
    names = [tuple(f"c{j}" for j in range(x.shape[1])) for x in (block.targets, block.references)]
    return ShardFormat(spec, *names, **options)


@settings(max_examples=150, deadline=None)
@given(blocks())
def test_codec_round_trip(block: EraBlock) -> None:
    form = form_of(block)
    again = decode(encode(block, form), form)
    assert again.era == block.era
    assert again.ids.tolist() == block.ids.tolist()
    for name in ("features", "targets", "references"):
        one, other = getattr(block, name), getattr(again, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert encode(again, form) == encode(block, form)


@given(
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
    st.none() | st.integers(0, 9999).map("{:04d}".format) | st.just("2024-03-01"),
    st.integers(1, 99999).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))),
)
def test_names_format_and_parse(split: str, era: str | None, place: tuple[int, int]) -> None:
    name = ShardName(split, era, *place)
    assert ShardName.parse(str(name)) == name


@pytest.mark.parametrize(
    "name", ["train/part-1-of-2.tfrecord", "part-00000-of-00001.tfrecord", "x"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ShardError, match="not the name of a shard"):
        ShardName.parse(name)


def make_shards(tiny: Path, run: Path, *settings_: str) -> tuple[ShardSet, RunDir]:
    config = load(overrides=[f"data.dir={tiny}", *SMALL, *settings_], variables={})
    where = RunDir(run)
    shard(config, where)
    return open_shards(config, where)[0], where


SMALL = (
    "data.extra_targets=['target_ender_60']",
    "split.margin=1",
    "split.folds=2",
    "shards.block_rows=5",
)


@pytest.mark.parametrize("layout", ["era", "flat"])
@pytest.mark.parametrize("shard_rows", [7, 30, 1000])
def test_shards_hold_the_panel(tiny: Path, tmp_path: Path, layout: str, shard_rows: int) -> None:
    from etl.dataset import Dataset
    from etl.files import DataFiles

    shards, _ = make_shards(
        tiny, tmp_path / "run", f"shards.layout={layout}", f"shards.shard_rows={shard_rows}"
    )
    data = Dataset(DataFiles.folder(tiny), "all", TARGETS)
    assert shards.eras() == data.eras()
    for one, other in zip(data.blocks(), shards.blocks(), strict=True):
        assert one.era == other.era
        assert one.ids.tolist() == other.ids.tolist()
        np.testing.assert_array_equal(one.features, other.features)
        np.testing.assert_array_equal(one.targets, other.targets)
        np.testing.assert_array_equal(one.references, other.references)
    manifest = shards.manifest
    on_disk = sum(
        len(decode(record, manifest.form))
        for entry in manifest.files
        for record in read_records(shards.folder / entry.path)
    )
    assert manifest.rows == on_disk == 360
    assert max(entry.rows for entry in manifest.files) <= shard_rows
    shards.verify()


def test_manifest_says_what_it_knows(tiny: Path, tmp_path: Path) -> None:
    shards, _ = make_shards(tiny, tmp_path / "run")
    manifest = shards.manifest
    assert manifest.facts["alias"] == {"target": "target_ender_60"}
    assert manifest.eras["0026"].resolved == {"target_ender_20": 12, "target_ender_60": 12}
    assert manifest.eras["0027"].resolved == {"target_ender_20": 0, "target_ender_60": 0}
    assert shards.rows(["0001", "0027"], "target_ender_20") == 12
    assert shards.rows(["0001", "0027"]) == 24
    assert manifest.of_split("test")[0] == "0023"
    assert not set(manifest.of_split("test")) & set(manifest.of_split("train"))
    assert Manifest.load(shards.folder) == manifest


def test_to_numpy_selects_eras_and_features(tiny: Path, tmp_path: Path) -> None:
    shards, _ = make_shards(tiny, tmp_path / "run")
    x, labels = shards.to_numpy(["0002", "0005"], ["feature_4", "feature_1"])
    whole, every = shards.to_numpy()
    assert x.dtype == np.int8
    np.testing.assert_array_equal(x, whole[np.isin(every.eras, ["0002", "0005"])][:, [4, 1]])
    assert set(labels.eras) == {"0002", "0005"}


def test_foreign_eras_are_refused(tiny: Path, tmp_path: Path) -> None:
    shards, _ = make_shards(tiny, tmp_path / "run")
    with pytest.raises(ShardError, match="does not hold this era.*0031"):
        list(shards.blocks(["0031"]))


@pytest.mark.parametrize("layout", ["era", "flat"])
def test_tensorflow_reads_the_same_rows(tiny: Path, tmp_path: Path, layout: str) -> None:
    shards, _ = make_shards(tiny, tmp_path / "run", f"shards.layout={layout}")
    eras = ["0003", "0004", "0026", "0027"]
    x, labels = shards.to_numpy(eras[:3])
    ordered = shards.to_tf(
        eras, target="target_ender_20", batch_size=7, shuffle=False, seed=0
    ).as_numpy_iterator()
    parts = list(ordered)
    assert [len(y) for _, y in parts] == [7, 7, 7, 7, 7, 1]
    np.testing.assert_array_equal(np.concatenate([p[0] for p in parts]), x)
    np.testing.assert_array_equal(np.concatenate([p[1] for p in parts]), labels.targets[:, 0])


def test_shuffling_keeps_rows_and_changes_each_epoch(tiny: Path, tmp_path: Path) -> None:
    shards, _ = make_shards(tiny, tmp_path / "run")
    eras = shards.eras()[:20]

    def epochs(seed: int) -> list[np.ndarray]:
        data = shards.to_tf(
            eras, target="target_ender_20", batch_size=16, shuffle=True, seed=seed, shuffle_blocks=4
        )
        return [np.concatenate([np.c_[x, y] for x, y in data.as_numpy_iterator()]) for _ in "ab"]

    first, second = epochs(1)
    again, _ = epochs(1)
    other, _ = epochs(2)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)
    x, labels = shards.to_numpy(eras)
    whole = np.c_[x, labels.targets[:, 0]]
    rows = sorted(map(tuple, whole.tolist()))
    for epoch in (first, second, other):
        assert sorted(map(tuple, epoch.tolist())) == rows


THIRD_PARTY = """
import json, sys
import numpy as np
from tfrecord.reader import tfrecord_loader
keys = {"era": "byte", "rows": "int", "features": "byte", "targets": "byte"}
out = []
for record in tfrecord_loader(sys.argv[1], None, keys):
    rows = int(record["rows"][0])
    features = np.frombuffer(bytes(record["features"]), np.int8).reshape(rows, -1)
    targets = np.frombuffer(bytes(record["targets"]), "<f4").reshape(rows, -1)
    out.append([bytes(record["era"]).decode(), features.tolist(), targets.tolist()])
assert "tensorflow" not in sys.modules and "etl" not in sys.modules
print(json.dumps(out))
"""


def test_a_third_party_reader_needs_only_the_keys(tiny: Path, tmp_path: Path) -> None:
    shards, _ = make_shards(tiny, tmp_path / "run")
    words = [sys.executable, "-c", THIRD_PARTY, str(shards.files(["0001"])[0])]
    answer = subprocess.run(words, capture_output=True, text=True, check=True)
    x, labels = shards.to_numpy(["0001"])
    records = json.loads(answer.stdout)
    assert [era for era, _, _ in records] == ["0001"] * 3
    assert sum((features for _, features, _ in records), []) == x.tolist()
    assert sum((targets for _, _, targets in records), []) == labels.targets.tolist()


def test_tensorflow_parses_the_example(tiny: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    shards, _ = make_shards(tiny, tmp_path / "run")
    record = next(read_records(shards.files(["0001"])[0]))
    feature = tf.train.Example.FromString(record).features.feature
    assert feature["era"].bytes_list.value[0] == b"0001"
    assert len(feature["ids"].bytes_list.value) == feature["rows"].int64_list.value[0] == 5


def test_a_second_run_does_nothing(tiny: Path, tmp_path: Path) -> None:
    _, run = make_shards(tiny, tmp_path / "run")
    before = {p: p.stat().st_mtime_ns for p in run.root.rglob("*") if p.is_file()}
    config = load(overrides=[f"data.dir={tiny}", *SMALL], variables={})
    assert shard(config, run)["skipped"]
    assert {p: p.stat().st_mtime_ns for p in run.root.rglob("*") if p.is_file()} == before


def test_force_writes_every_file_again(tiny: Path, tmp_path: Path) -> None:
    _, run = make_shards(tiny, tmp_path / "run")
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in run.root.rglob("*.tfrecord")}
    config = load(overrides=[f"data.dir={tiny}", *SMALL], variables={})
    shard(config, run, force=True)
    for path, (written, content) in before.items():
        assert path.stat().st_mtime_ns != written
        assert path.read_bytes() == content


def test_force_mends_a_damaged_manifest(tiny: Path, tmp_path: Path) -> None:
    shards, run = make_shards(tiny, tmp_path / "run")
    (shards.folder / "manifest.json").write_text("{")
    config = load(overrides=[f"data.dir={tiny}", *SMALL], variables={})
    with pytest.raises(ErazooError):
        open_shards(config, run)
    shard(config, run, force=True)
    assert open_shards(config, run)[0].manifest.rows == 360


@pytest.mark.parametrize(
    "settings_",
    [
        ("split.held_out=0.3",),
        ("split.held_out=0.05",),
        ("shards.layout=flat", "shards.shard_rows=100"),
        ("shards.layout=flat", "shards.shard_rows=70", "split.held_out=0.3"),
        ("shards.block_rows=7",),
        ("shards.shard_rows=5",),
    ],
)
@pytest.mark.parametrize("layout", ["era", "flat"])
def test_other_settings_on_standing_shards_give_what_a_fresh_run_gives(
    tiny: Path, tmp_path: Path, layout: str, settings_: tuple[str, ...]
) -> None:
    first = (f"shards.layout={layout}", "shards.shard_rows=50")
    make_shards(tiny, tmp_path / "run", *first)
    again, _ = make_shards(tiny, tmp_path / "run", *first, *settings_)
    fresh, _ = make_shards(tiny, tmp_path / "fresh", *first, *settings_)
    assert again.manifest == fresh.manifest
    names = {str(p.relative_to(again.folder)) for p in again.folder.rglob("*.tfrecord")}
    assert names == {entry.path for entry in fresh.manifest.files}
    for name in names:
        assert (again.folder / name).read_bytes() == (fresh.folder / name).read_bytes()


def test_changed_labels_are_noticed(tiny: Path, tmp_path: Path) -> None:
    """Even where neither the size nor the footer of the file changes."""
    import pyarrow.parquet as pq

    path = tiny / "train.parquet"
    table = pq.read_table(path)
    pq.write_table(table, path, compression="none", use_dictionary=False, write_statistics=False)
    _, run = make_shards(tiny, tmp_path / "run")
    old = run.path("shards", "manifest.json").read_bytes()
    size = path.stat().st_size
    place = table.schema.get_field_index("target_ender_20")
    column = table.column("target_ender_20")
    turned = column.take(list(range(11, -1, -1)) + list(range(12, len(column))))
    changed = table.set_column(place, "target_ender_20", turned)
    pq.write_table(changed, path, compression="none", use_dictionary=False, write_statistics=False)
    assert path.stat().st_size == size
    shards, _ = make_shards(tiny, tmp_path / "run")
    assert run.path("shards", "manifest.json").read_bytes() != old
    expected = turned.to_numpy()[:12]
    np.testing.assert_array_equal(shards.labels(["0001"]).targets[:, 0], expected)


def test_labels_hold_no_features(tiny: Path, tmp_path: Path) -> None:
    shards, _ = make_shards(tiny, tmp_path / "run")
    for block in shards.blocks(["0001"]):
        from etl.shards.labels import without_features

        assert without_features(block).features.base is None


def test_new_folds_keep_the_files(tiny: Path, tmp_path: Path) -> None:
    shards, run = make_shards(tiny, tmp_path / "run")
    before = {p: p.stat().st_mtime_ns for p in run.root.rglob("*.tfrecord")}
    make_shards(tiny, tmp_path / "run", "split.folds=1")
    assert {p: p.stat().st_mtime_ns for p in run.root.rglob("*.tfrecord")} == before


def test_other_settings_make_the_shards_stale(tiny: Path, tmp_path: Path) -> None:
    _, run = make_shards(tiny, tmp_path / "run")
    other = load(overrides=[f"data.dir={tiny}", *SMALL, "split.folds=1"], variables={})
    with pytest.raises(StaleDataError, match="made from other settings"):
        open_shards(other, run)


def test_new_data_replace_old_shards(
    tiny: Path, tmp_path: Path, make_tiny: Callable[..., Path]
) -> None:
    _, run = make_shards(tiny, tmp_path / "run")
    make_tiny(tiny, eras=28, seed=5)
    shards, _ = make_shards(tiny, tmp_path / "run")
    assert len(shards.eras()) == 28
    files = {p.relative_to(shards.folder).as_posix() for p in shards.folder.rglob("*.tfrecord")}
    assert files == {entry.path for entry in shards.manifest.files}


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_damage_is_found_and_named(tiny: Path, tmp_path: Path, damage: str) -> None:
    shards, _ = make_shards(tiny, tmp_path / "run")
    path = shards.files(["0007"])[0]
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(ShardError, match="era=0007.*--force"):
            ShardSet.open(shards.folder).verify()
        with pytest.raises(ShardError, match="era=0007"):
            list(shards.blocks(["0007"]))
        return
    path.write_bytes(content[:-3]) if damage == "truncate" else path.unlink()
    with pytest.raises(ShardError, match="era=0007"):
        ShardSet.open(shards.folder)


def test_without_a_manifest_nothing_is_read(tiny: Path, tmp_path: Path) -> None:
    shards, _ = make_shards(tiny, tmp_path / "run")
    (shards.folder / "manifest.json").unlink()
    with pytest.raises(ShardError, match="no finished shard set"):
        ShardSet.open(shards.folder)


def test_a_failed_run_publishes_nothing(tiny: Path, tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.read_parquet(tiny / "validation.parquet")
    frame.loc[100, "feature_1"] = 9
    frame.astype({"feature_1": "int8"}).to_parquet(tiny / "validation.parquet", index=False)
    with pytest.raises(ErazooError, match="off its grid"):
        make_shards(tiny, tmp_path / "run")
    shards = tmp_path / "run" / "shards"
    assert not (shards / "manifest.json").exists()
    assert not list(shards.rglob(".partial-*"))


KILLED = """
import sys, time
from pathlib import Path
from etl.shards import writer
slow = writer.encode
def encode(block, form):
    time.sleep(0.01)
    return slow(block, form)
writer.encode = encode
from erazoo.config import load
from erazoo.rundir import RunDir
from etl.build import shard
shard(load(overrides=sys.argv[2:], variables={}), RunDir(Path(sys.argv[1])))
"""


def test_killed_and_resumed_is_byte_identical(tiny: Path, tmp_path: Path) -> None:
    shards, whole = make_shards(tiny, tmp_path / "whole")
    words = [str(tmp_path / "killed"), f"data.dir={tiny}", *SMALL]
    rng = np.random.default_rng(0)
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", KILLED, *words], stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        seen = len(list((tmp_path / "killed").rglob("*.tfrecord")))
        while time.monotonic() < deadline and process.poll() is None:
            if len(list((tmp_path / "killed").rglob("era*/part*.tfrecord"))) > seen + 2:
                break
            time.sleep(0.005)
        time.sleep(float(rng.random()) * 0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert not (tmp_path / "killed" / "shards" / "manifest.json").exists()
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "killed").rglob("part*.tfrecord")}
    assert len(kept) >= 8
    again, run = make_shards(tiny, tmp_path / "killed")
    kept_still = [p for p, when in kept.items() if p.exists() and p.stat().st_mtime_ns == when]
    assert len(kept_still) >= len(kept) - 1
    for path in whole.path("shards").rglob("*.*"):
        if path.is_file():
            other = run.path("shards", str(path.relative_to(whole.path("shards"))))
            assert other.read_bytes() == path.read_bytes(), path
    assert not list(run.root.rglob(".partial-*"))


def test_writer_refuses_an_unannounced_era(tmp_path: Path) -> None:
    spec = FeatureSpec(("feature_a",))
    empty = np.zeros((3, 0), np.float32)
    block = EraBlock("0002", np.array(list("abc"), object), np.zeros((3, 1), np.int8), empty, empty)
    writer = ShardWriter(
        tmp_path,
        ShardFormat(spec, ()),
        split_of={"0001": "train"},
        rows_of={"0001": 3},
        key="k",
    )
    with pytest.raises(ShardError, match="did not yield the announced era"), writer:
        writer.write(iter([block]))
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.parametrize("setting", ["data.ids=assets", "data.values=unit"])
def test_what_columns_mean_decides_the_files(
    make_tiny: Callable[..., Path], tmp_path: Path, setting: str
) -> None:
    """Files of another reading are not used again."""
    import pyarrow.parquet as pq

    folder = make_tiny(tmp_path / "data")
    for name in ("train", "validation"):
        path = folder / f"{name}.parquet"
        table = pq.read_table(path)
        for column in [c for c in table.column_names if c.startswith("feature")]:
            place = table.schema.get_field_index(column)
            codes = np.minimum(table.column(column).to_numpy(), 1).astype(np.int8)
            table = table.set_column(place, column, [codes])
        pq.write_table(table, path)
    for references in folder.glob("*models.parquet"):
        references.unlink()
    (folder / "meta_model.parquet").unlink()
    first, _ = make_shards(folder, tmp_path / "run")
    again, _ = make_shards(folder, tmp_path / "run", setting)
    fresh, _ = make_shards(folder, tmp_path / "fresh", setting)
    assert again.manifest == fresh.manifest != first.manifest
    for one, other in zip(again.blocks(), fresh.blocks(), strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        np.testing.assert_array_equal(one.features, other.features)
