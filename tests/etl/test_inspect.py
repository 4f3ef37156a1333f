"""What `etl.inspection` says of data and shards, against pandas; and what verifying finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.config import Config, load
from erazoo.errors import ConfigError, DataError, ShardError
from erazoo.panel import EraBlock, FeatureSpec
from erazoo.publish import read_json, write_json
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from etl.grids import MISSING
from etl.inspection import find_run_damage, inspect_run, write_inspection
from etl.inspection.gaps import GapCounts, Marks
from etl.inspection.values import LEVELS, TargetValues
from etl.shards import Manifest, ShardSet
from etl.shards.verify import find_damage

GROUPS = {
    "all": [f"feature_{j}" for j in range(6)],
    "small": ["feature_0", "feature_1", "feature_2"],
    "charisma": ["feature_1", "feature_2", "feature_3"],
}
TARGETS = ("target_ender_20", "target_ender_60")
SETTINGS = ("data.extra_targets=['target_ender_60']", "split.margin=1", "split.folds=2")


@pytest.fixture
def holed(tiny: Path) -> Path:
    """The tiny data with missing values, and with a group that is not there in early eras."""
    rng = np.random.default_rng(3)
    for name in ("train", "validation"):
        path = tiny / f"{name}.parquet"
        table = pq.read_table(path)
        early = np.array([int(era) <= 5 for era in table.column("era").to_pylist()])
        for feature in GROUPS["all"]:
            place = table.schema.get_field_index(feature)
            values = table.column(feature).to_numpy().copy()
            gone = rng.random(len(values)) < (0.1 if feature in GROUPS["small"] else 0.0)
            if feature in GROUPS["charisma"]:
                values[early] = 2
            table = table.set_column(place, feature, pa.array(values, mask=gone))
        pq.write_table(table, path, row_group_size=50)
    return tiny


@pytest.fixture
def frame(holed: Path) -> pd.DataFrame:
    tables = [pd.read_parquet(holed / f"{name}.parquet") for name in ("train", "validation")]
    return pd.concat(tables)


def configured(folder: Path, *more: str) -> Config:
    return load(overrides=[f"data.dir={folder}", *SETTINGS, *more], variables={})


def sharded(folder: Path, root: Path, *more: str) -> tuple[Config, RunDir]:
    config, run = configured(folder, *more), RunDir(root)
    shard(config, run)
    return config, run


def by_group(frame: pd.DataFrame, of: Callable[[pd.DataFrame], pd.DataFrame]) -> dict[str, Any]:
    """The mean over features and rows of each era, by group."""
    marked = of(frame[GROUPS["all"]]).astype(float).groupby(frame["era"]).mean()
    return {group: marked[names].mean(axis=1).tolist() for group, names in GROUPS.items()}


def agree(found: dict[str, list[float]], expected: dict[str, list[float]]) -> None:
    assert found.keys() == expected.keys()
    for group, shares in expected.items():
        np.testing.assert_allclose(found[group], shares, atol=1e-6)


def test_a_data_set_is_what_pandas_finds(holed: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    found = inspect_run(configured(holed), RunDir(tmp_path / "none", make=False))
    assert found["kind"] == "data"
    rows = frame.groupby("era").size()
    assert found["by_era"]["eras"] == rows.index.tolist()
    assert found["by_era"]["rows"] == rows.tolist()
    assert found["span"] == {
        "eras": 30,
        "first": "0001",
        "last": "0030",
        "rows": 360,
        "rows_an_era": [12, 12, 12],
    }
    assert {name: part["eras"] for name, part in found["parts"].items()} == {
        "train.parquet": 15,
        "validation.parquet": 15,
    }
    assert found["features"]["groups"] == {name: len(m) for name, m in GROUPS.items()}
    assert found["alias"] == "target_ender_60"
    assert found["live_rows"] == 12
    sizes = {path.name: path.stat().st_size for path in holed.iterdir()}
    held = {name: part["bytes"] for name, part in found["parts"].items()}
    assert held | found["other_files"] == sizes
    assert found["bytes"] == sum(sizes.values())


def test_gaps_of_a_data_set_are_what_pandas_finds(
    holed: Path, frame: pd.DataFrame, tmp_path: Path
) -> None:
    found = inspect_run(configured(holed), RunDir(tmp_path / "none", make=False))
    agree(found["gaps"]["missing"], by_group(frame, lambda x: x.isna()))
    agree(found["gaps"]["centre"], by_group(frame, lambda x: x == 2))
    nothing = (frame[GROUPS["all"]].isna() | (frame[GROUPS["all"]] == 2)).groupby(frame["era"])
    empty = nothing.all()
    expected = {g: empty[names].mean(axis=1).tolist() for g, names in GROUPS.items()}
    agree(found["gaps"]["empty"], expected)
    assert found["empty"] == {"charisma": {"eras": 5, "stretches": [("0001", "0005")]}}
    assert found["features"]["filled"] == 0


def test_targets_are_what_pandas_finds(holed: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    found = inspect_run(configured(holed), RunDir(tmp_path / "none", make=False))
    assert list(found["targets"]) == list(TARGETS)
    for name, target in found["targets"].items():
        known = frame.dropna(subset=name)
        counts = known.groupby(["era", name]).size().unstack(fill_value=0)
        assert target["bins"] == [0, 0.25, 0.5, 0.75, 1]
        assert target["rows"] == counts.sum().tolist()
        assert target["by_era"]["rows"][:26] == counts.to_numpy().tolist()
        assert target["by_era"]["rows"][26:] == [[0] * 5] * 4
        assert target["resolved_eras"] == 26
        assert (target["first"], target["last"]) == ("0001", "0026")
        assert target["resolved_rows"] == len(known)
    meta = found["references"]["numerai_meta_model"]
    assert (meta["resolved_eras"], meta["first"], meta["resolved_rows"]) == (15, "0016", 180)


def test_shards_are_shown_once_they_stand(holed: Path, tmp_path: Path) -> None:
    config, run = sharded(holed, tmp_path / "run")
    found = inspect_run(config, run)
    manifest = Manifest.load(run.path("shards"))
    assert (found["kind"], found["place"]) == ("shards", "shards")
    assert found["by_era"]["part"] == [entry.split for entry in manifest.eras.values()]
    assert list(found["parts"]) == ["train", "validation", "test", "unused"]
    for split, part in found["parts"].items():
        names = [f for f in manifest.files if f.path.startswith(f"{split}/")]
        assert part["eras"] == part["files"] == len(manifest.of_split(split))
        assert part["bytes"] == sum(file.bytes for file in names)
    on_disk = [p.stat().st_size for p in run.path("shards").rglob("*") if p.is_file()]
    assert found["bytes"] == sum(on_disk)
    assert found["storage"]["codec"] == "raw"
    assert inspect_run(config, run, data=True)["kind"] == "data"


def test_filled_quintiles_are_counted_as_the_centre(
    holed: Path, frame: pd.DataFrame, tmp_path: Path
) -> None:
    found = inspect_run(*sharded(holed, tmp_path / "run"))
    assert found["gaps"]["missing"] == {}
    assert found["features"]["filled"] == 6
    agree(found["gaps"]["centre"], by_group(frame, lambda x: x.isna() | (x == 2)))
    assert found["empty"] == {"charisma": {"eras": 5, "stretches": [("0001", "0005")]}}


@pytest.mark.parametrize("codec", ["raw", "packed"])
def test_a_code_of_their_own_tells_missing_values_apart(
    holed: Path, frame: pd.DataFrame, tmp_path: Path, codec: str
) -> None:
    run = sharded(holed, tmp_path / "run", "clean.missing=own", f"shards.codec={codec}")
    found = inspect_run(*run)
    assert found["features"]["filled"] == 0
    agree(found["gaps"]["missing"], by_group(frame, lambda x: x.isna()))
    agree(found["gaps"]["centre"], by_group(frame, lambda x: x == 2))
    assert list(found["empty"]) == ["charisma"]


def test_indicators_tell_what_was_missing(holed: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    rules = ("clean.missing=mode", "clean.indicators=true")
    found = inspect_run(*sharded(holed, tmp_path / "run", *rules))
    missing = by_group(frame, lambda x: x.isna())
    told = found["gaps"]["missing"]
    np.testing.assert_allclose(told["small"], missing["small"], atol=1e-6)
    assert "missing_indicators" in found["features"]["groups"]
    assert "missing_indicators" not in told
    assert found["features"]["filled"] == 3
    told_apart = frame[["feature_1", "feature_2"]].isna().groupby(frame["era"]).mean()
    np.testing.assert_allclose(told["charisma"], told_apart.mean(axis=1), atol=1e-6)


def test_one_group_may_tell_and_another_not(holed: Path, tmp_path: Path) -> None:
    found = inspect_run(*sharded(holed, tmp_path / "run", "clean.groups.small.missing=own"))
    assert found["features"]["filled"] == 3
    assert set(found["gaps"]["missing"]) == {"all", "small", "charisma"}


def test_weights_are_counted_by_split_and_era(tiny: Path, tmp_path: Path) -> None:
    config, run = sharded(tiny, tmp_path / "run", "shards.balance=rows")
    found = inspect_run(config, run)
    shards, _ = open_shards(config, run)
    weighted = {
        block.era: int(((block.weights > 0) & np.isfinite(block.targets[:, 0])).sum())
        for block in shards.blocks()
    }
    assert found["by_era"]["trained"] == list(weighted.values())
    assert found["parts"]["train"]["trained"] == sum(
        weighted[era] for era in shards.manifest.of_split("train")
    )
    assert found["balance"]["mode"] == "rows"
    assert "places" not in found["balance"]
    assert inspect_run(config, run, data=True)["by_era"]["trained"] is None


def test_values_are_read_in_the_chosen_eras_only(holed: Path, tmp_path: Path) -> None:
    config, run = sharded(holed, tmp_path / "run")
    for data in (False, True):
        whole = inspect_run(config, run, data=data)
        part = inspect_run(config, run, data=data, eras="every:7")
        assert part["read"] == {"selection": "every:7", "eras": whole["read"]["eras"][::7]}
        assert part["by_era"] == whole["by_era"]
        assert part["gaps"]["centre"]["all"] == whole["gaps"]["centre"]["all"][::7]
        rows = [target["by_era"]["rows"] for target in whole["targets"].values()]
        assert [t["by_era"]["rows"] for t in part["targets"].values()] == [r[::7] for r in rows]
    with pytest.raises(ConfigError, match="names no era"):
        inspect_run(config, run, eras="99")


def test_the_result_is_written_as_it_is_returned(holed: Path, tmp_path: Path) -> None:
    config, run = sharded(holed, tmp_path / "run")
    before = {p: p.stat().st_mtime_ns for p in run.root.rglob("*")}
    inspect_run(config, run)
    inspect_run(config, run, data=True)
    assert {p: p.stat().st_mtime_ns for p in run.root.rglob("*")} == before
    result = write_inspection(config, run)
    assert read_json(run.path("inspection.json")) == json.loads(json.dumps(result))
    assert set(run.root.iterdir()) - before.keys() == {run.path("inspection.json")}


def test_a_moved_run_says_the_same(holed: Path, tmp_path: Path) -> None:
    config, run = sharded(holed, tmp_path / "run")
    result = inspect_run(config, run)
    run.root.rename(tmp_path / "elsewhere")
    assert inspect_run(config, RunDir(tmp_path / "elsewhere")) == result


def test_floats_are_missing_where_they_are_nan(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(400, 4)).astype(np.float32)
    x[rng.random(x.shape) < 0.2] = np.nan
    x[:60, 1] = np.nan
    frame = pd.DataFrame(x, columns=[f"feature_{j}" for j in range(4)])
    frame["era"] = [f"{row // 20 + 1:04d}" for row in range(400)]
    frame["id"] = [f"n{row}" for row in range(400)]
    frame["target_x_20"] = np.where(rng.random(400) < 0.9, rng.normal(size=400), np.nan)
    frame.to_parquet(tmp_path / "panel.parquet")
    files = [
        "data.source=files",
        f"data.files=['{tmp_path / 'panel.parquet'}']",
        "data.tournament=none",
        "data.values=float",
        "data.target=target_x_20",
        "data.horizon=1",
        "split.folds=2",
    ]
    config, run = load(overrides=files, variables={}), RunDir(tmp_path / "run")
    missing = frame.iloc[:, :4].isna().groupby(frame["era"]).mean()
    shard(config, run)
    for data in (True, False):
        found = inspect_run(config, run, data=data)
        shares = found["gaps"]["missing"]["all"]
        np.testing.assert_allclose(shares, missing.mean(axis=1), atol=1e-6)
        assert found["gaps"]["empty"]["all"][:4] == [0.25, 0.25, 0.25, 0.0]
        assert found["gaps"]["centre"] == {}
        target = found["targets"]["target_x_20"]
        assert target["bins"] is None
        by_era = frame.astype({"target_x_20": "float32"}).groupby("era")["target_x_20"]
        expected = by_era.quantile(LEVELS).unstack().to_numpy()
        np.testing.assert_allclose(target["by_era"]["quantiles"], expected, rtol=1e-5, atol=1e-6)
        assert target["mean"] == pytest.approx(frame["target_x_20"].mean(), rel=1e-4)
        assert target["std"] == pytest.approx(frame["target_x_20"].std(ddof=0), rel=1e-5)


def test_rows_out_of_order_are_looked_at_where_they_were_sorted(
    holed: Path, tmp_path: Path
) -> None:
    config, run = configured(holed), RunDir(tmp_path / "run")
    in_order = inspect_run(config, run)
    for name in ("train", "validation"):
        path = holed / f"{name}.parquet"
        table = pq.read_table(path)
        order = np.random.default_rng(0).permutation(len(table))
        pq.write_table(table.take(order), path)
    config = configured(holed, "data.sort=true")
    with pytest.raises(DataError, match="--sort"):
        inspect_run(config, run)
    shard(config, run)
    found = inspect_run(config, run, data=True)
    for key in ("gaps", "targets", "references", "empty", "span"):
        assert found[key] == in_order[key]


def test_groups_are_cut_to_the_features_in_use(tiny: Path, tmp_path: Path) -> None:
    config = configured(tiny, "data.features=['small', 'feature_5']")
    found = inspect_run(config, RunDir(tmp_path / "none", make=False))
    assert found["features"]["groups"] == {"all": 4, "small": 3, "charisma": 2}
    assert found["offered"] == {"all": 6, "small": 3, "charisma": 3}


@pytest.mark.parametrize(("values", "binned"), [(16, True), (17, False)])
def test_bins_are_few_values_over_all_eras(values: int, binned: bool) -> None:
    counted = TargetValues(["t"])
    column = np.arange(values, dtype=np.float32)
    for half in (column[:9], column[9:]):
        counted.add(np.append(half, np.nan).astype(np.float32)[:, None])
    found = counted.to_json(["0001", "0002"])["t"]
    assert (found["bins"] is not None) == binned
    assert found["resolved_rows"] == values
    if binned:
        assert found["rows"] == [1] * values
    else:
        quantiles = [np.quantile(half, LEVELS) for half in (column[:9], column[9:])]
        np.testing.assert_allclose(found["by_era"]["quantiles"], quantiles)


def test_a_target_without_any_value_has_no_bins() -> None:
    counted = TargetValues(["t"])
    counted.add(np.full((3, 1), np.nan, dtype=np.float32))
    found = counted.to_json(["0001"])["t"]
    assert (found["bins"], found["rows"], found["first"]) == ([], [], None)
    assert found["by_era"] == {"resolved": [0], "rows": [[]]}


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 700),
    features=st.integers(1, 5),
    dtype=st.sampled_from(["int8", "float32"]),
    seed=st.integers(0, 2**31),
)
def test_gaps_are_counted_exactly(rows: int, features: int, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = tuple(f"f{j}" for j in range(features))
    spec = FeatureSpec(names, {"first": names[:1], "none": ()}, np.dtype(dtype))
    codes = rng.choice([MISSING, 2, 2, 4], (rows, features), p=rng.dirichlet([1, 9, 9, 1]))
    x = codes.astype(np.int8)
    if dtype == "float32":
        x = np.where(codes == MISSING, np.nan, codes).astype(np.float32)
    nothing = np.empty((rows, 0), dtype=np.float32)
    counts = GapCounts(spec, Marks.raw(spec))
    counts.add(EraBlock("0001", np.empty(rows, dtype=object), x, nothing, nothing))
    gone = codes == MISSING
    flat = gone if dtype == "float32" else gone | (codes == 2)
    whole = {"missing": gone.mean(), "empty": flat.all(axis=0).mean()}
    first = {"missing": gone[:, 0].mean(), "empty": float(flat[:, 0].all())}
    if dtype == "int8":
        whole["centre"], first["centre"] = (codes == 2).mean(), (codes[:, 0] == 2).mean()
    found = counts.shares()
    key = "first" if features == 1 else "(all)"
    for measure, share in whole.items():
        assert found[measure][key] == [pytest.approx(share, abs=1e-6)]
        assert found[measure]["first"] == [pytest.approx(first[measure], abs=1e-6)]
        assert "none" not in found[measure]


def test_nothing_to_look_at_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="erazoo download"):
        inspect_run(configured(tmp_path / "empty"), RunDir(tmp_path / "run", make=False))
    with pytest.raises(ShardError, match="erazoo shard"):
        find_run_damage(RunDir(tmp_path / "run", make=False))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def run(tiny: Path, tmp_path: Path) -> RunDir:
    rules = ("clean.missing=mode", "shards.compression=gzip")
    return sharded(tiny, tmp_path / "run", *rules)[1]


@pytest.mark.parametrize("layout", ["era", "flat"])
@pytest.mark.parametrize("compression", ["none", "zlib"])
def test_every_way_of_writing_is_whole(
    tiny: Path, tmp_path: Path, layout: str, compression: str
) -> None:
    fixed = ("scheme='fixed'", "train='1..12&even'", "validation='16..20'", "test='24..26'")
    rules = [f"shards.layout={layout}", f"shards.compression={compression}"]
    splits = [f"split.{part}" for part in fixed]
    config, run = sharded(tiny, tmp_path / "run", *rules, *splits, "shards.shard_rows=7")
    assert find_run_damage(run) == ()
    assert list(inspect_run(config, run)["parts"]) == ["train", "validation", "test", "unused"]


def flip(path: Path, draw: np.random.Generator) -> None:
    content = bytearray(path.read_bytes())
    content[int(draw.integers(len(content)))] ^= 1 << int(draw.integers(8))
    path.write_bytes(content)


def test_any_flipped_bit_of_any_file_is_named(run: RunDir) -> None:
    draw = np.random.default_rng(1)
    assert find_run_damage(run) == ()
    files = [path for path in run.path("shards").rglob("*") if path.is_file()]
    small = [p for p in files if p.suffix in (".json", ".npz")]
    assert len(small) == 3
    for path in [*draw.choice(np.array(files), 30), *small * 15, *[run.path("folds.json")] * 15]:
        content = path.read_bytes()
        flip(path, draw)
        if path.name == "manifest.json":
            with pytest.raises(ShardError, match=r"manifest\.json"):
                find_run_damage(run)
        else:
            assert [found.path for found in find_run_damage(run)] == [str(path)], path
        path.write_bytes(content)
    assert find_run_damage(run) == ()


def test_all_damage_is_named_at_once(run: RunDir) -> None:
    shards = run.path("shards")
    files = [shards / entry.path for entry in Manifest.load(shards).files]
    draw = np.random.default_rng(2)
    flip(files[0], draw)
    files[1].write_bytes(files[1].read_bytes()[:-2])
    files[2].unlink()
    one, other = files[3].read_bytes(), files[4].read_bytes()
    files[3].write_bytes(other)
    files[4].write_bytes(one)
    files[5].unlink()
    files[5].mkdir()
    flip(shards / "cleaning.json", draw)
    (shards / "cleaning.npz").unlink()
    (shards / "notes.txt").write_text("mine")
    (files[0].parent / ".partial-xyz.tfrecord.gz").write_bytes(b"half")
    (files[0].parent / "part-00007-of-00009.tfrecord.gz").write_bytes(one)
    flip(run.path("folds.json"), draw)
    found = {Path(d.path).relative_to(run.root).as_posix(): d.what for d in find_run_damage(run)}
    names = [path.relative_to(run.root).as_posix() for path in files]
    size = len(one) and (shards / Path(*files[1].parts[-3:])).stat().st_size
    assert found == {
        names[0]: "does not fit its checksum",
        names[1]: f"has {size} bytes, not {size + 2}",
        names[2]: "is missing",
        names[3]: f"holds what belongs into {names[4].removeprefix('shards/')}",
        names[4]: f"holds what belongs into {names[3].removeprefix('shards/')}",
        names[5]: "is missing",
        "shards/cleaning.json": "does not fit its checksum",
        "shards/cleaning.npz": "is missing",
        "shards/notes.txt": "is not in the manifest",
        f"{Path(names[0]).parent}/.partial-xyz.tfrecord.gz": "was left half-written",
        f"{Path(names[0]).parent}/part-00007-of-00009.tfrecord.gz": "is not in the manifest",
        "folds.json": "does not fit its checksum",
    }
    with pytest.raises(ShardError, match=r"11 files of a shard set differ.* and 8 more.*--force"):
        ShardSet(shards, Manifest.load(shards)).verify()


def test_foreign_files_alone_are_to_be_deleted(run: RunDir) -> None:
    (run.path("shards") / "notes.txt").write_text("mine")
    with pytest.raises(ShardError, match=r"notes\.txt.*Delete what does not belong there"):
        ShardSet.open(run.path("shards")).verify()


def test_folds_that_are_gone_are_named(run: RunDir) -> None:
    run.path("folds.json").unlink()
    assert [(d.path, d.what) for d in find_run_damage(run)] == [
        (str(run.path("folds.json")), "is missing")
    ]


def test_damaged_folds_are_not_trained_on(tiny: Path, tmp_path: Path) -> None:
    config, run = sharded(tiny, tmp_path / "run")
    folds = read_json(run.path("folds.json"))
    first = folds["folds"][0]
    first["train"] = [*first["train"], first["validation"][0]]
    write_json(run.path("folds.json"), folds)
    with pytest.raises(ShardError, match=r"folds\.json.*--force"):
        open_shards(config, run)


def rewritten(folder: Path, change: Callable[[dict[str, Any]], object]) -> list[tuple[str, str]]:
    """The damage that is found in a set whose manifest was changed and sealed again."""
    manifest = Manifest.load(folder)
    value = read_json(folder / "manifest.json")
    change(value)
    for key in ("format", "rows", "digest"):
        value.pop(key)
    again = Manifest._parse({"format": 2, "rows": 0, **value})
    again.save(folder)
    found = find_damage(folder)
    manifest.save(folder)
    assert find_damage(folder) == ()
    return [(Path(d.path).relative_to(folder).as_posix(), d.what) for d in found]


def test_names_must_fit_the_manifest(run: RunDir) -> None:
    folder = run.path("shards")
    first = Manifest.load(folder).files[0]

    def other_split(value: dict[str, Any]) -> None:
        value["eras"]["0001"]["split"] = "test"

    def other_era(value: dict[str, Any]) -> None:
        value["files"][0]["eras"] = [["0002", 12]]
        value["files"][1]["eras"] = [["0001", 12]]

    def other_rows(value: dict[str, Any]) -> None:
        value["files"][0]["eras"] = [["0001", 11]]

    def other_parts(value: dict[str, Any]) -> None:
        entry = value["files"][0]
        entry["path"] = entry["path"].replace("of-00001", "of-00002")

    assert rewritten(folder, other_split) == [
        (first.path, "bears the name of another split; its eras lie in test")
    ]
    assert [what for _, what in rewritten(folder, other_era)] == [
        "bears the name of another era; it holds 0002",
        "bears the name of another era; it holds 0001",
    ]
    assert rewritten(folder, other_rows) == [
        ("manifest.json", "gives era 0001 12 rows and its files 11")
    ]
    assert ("manifest.json", "lists 1 of 2 parts of train/era=0001") in rewritten(
        folder, other_parts
    )
    plain = rewritten(folder, lambda value: value.update(compression="none"))
    assert len(plain) == 30
    assert plain[0] == (first.path, "bears the name of another compression than none")


def test_caches_are_no_part_of_the_set(run: RunDir) -> None:
    shards = ShardSet.open(run.path("shards"))
    shards.to_numpy(["0001"], mmap=True)
    assert any(run.path("shards", "cache").rglob("*.npy"))
    assert find_run_damage(run) == ()
