"""Cleaning from tables to shards and live rows: learned once, from training eras alone."""

from __future__ import annotations

import hashlib
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
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from erazoo.config import Config, load
from erazoo.errors import ConfigError, LeakageError, SchemaError, ShardError, StaleDataError
from erazoo.panel import FeatureSpec
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from etl.cleaning import Cleaning
from etl.dataset import Dataset, LiveData
from etl.files import DataFiles
from etl.sample import sample_rows
from etl.shards import ShardSet
from etl.splits import fitting_eras

TARGET = "target_ender_20"
TABLES = ("train", "validation", "live")
SMALL = ("split.folds=2", "split.margin=1", "shards.block_rows=5", "shards.workers=1")
MEDIAN = ("clean.missing=median",)
EVERYTHING = (
    "clean.missing=knn",
    "clean.outliers=isolation_forest",
    "clean.action=remove",
    "clean.groups.charisma.missing=mean",
    "clean.groups.charisma.indicators=true",
    "clean.groups.charisma.outliers=iqr",
    "clean.groups.charisma.threshold=0.5",
)


def edit(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change the features of a table: (n, F) float64 with NaN where missing."""
    path = folder / f"{name}.parquet"
    table = pq.read_table(path)
    features = [c for c in table.column_names if c.startswith("feature_")]
    kinds = {table.schema.field(c).type for c in features}
    values = [table.column(c).to_numpy(zero_copy_only=False).astype(float) for c in features]
    changed = change(np.stack(values, axis=1))
    for column, name_ in enumerate(features):
        whole = pa.array(changed[:, column], from_pandas=True).cast(kinds.copy().pop())
        table = table.set_column(table.schema.get_field_index(name_), name_, whole)
    pq.write_table(table, path, row_group_size=50)


def with_gaps(seed: int) -> Callable[[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)

    def change(values: np.ndarray) -> np.ndarray:
        values[rng.random(values.shape) < 0.15] = np.nan
        values[:, 1] = np.where(values[:, 1] < 4, 1, values[:, 1])  # 4 is rare, 1 the rule
        return values

    return change


def as_floats(folder: Path, seed: int) -> None:
    """Features as float32 numbers with a scale of their own."""
    rng = np.random.default_rng(seed)
    for name in TABLES:
        path = folder / f"{name}.parquet"
        frame = pd.read_parquet(path)
        for j, column in enumerate(c for c in frame if c.startswith("feature_")):
            noise = rng.normal(size=len(frame))
            frame[column] = ((frame[column] + noise) * (1 + j) + 10 * j).astype("float32")
        frame.to_parquet(path, index=False)


@pytest.fixture
def gappy(tiny: Path) -> Path:
    """A tiny data folder with missing quintiles in every table."""
    for seed, name in enumerate(TABLES):
        edit(tiny, name, with_gaps(seed))
    return tiny


def configured(folder: Path, *settings: str) -> Config:
    return load(overrides=[f"data.dir={folder}", *SMALL, *settings], variables={})


def sharded(folder: Path, root: Path, *settings: str) -> tuple[ShardSet, Config, RunDir]:
    config, run = configured(folder, *settings), RunDir(root)
    shard(config, run)
    return open_shards(config, run)[0], config, run


def training(folder: Path, config: Config, run: RunDir) -> tuple[tuple[str, ...], pd.DataFrame]:
    """The eras that every fold trains on, and their rows as they stand in the files."""
    eras = fitting_eras(open_shards(config, run)[1])
    frame = pd.concat([pd.read_parquet(folder / f"{n}.parquet") for n in TABLES[:2]])
    return eras, frame[frame["era"].isin(eras)]


def files_of(run: RunDir) -> dict[str, bytes]:
    folder = run.path("shards")
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


# Learned from training rows


@pytest.mark.parametrize("kind", ["mean", "median", "mode"])
def test_what_fills_is_that_of_the_training_rows(gappy: Path, tmp_path: Path, kind: str) -> None:
    shards, config, run = sharded(gappy, tmp_path / "run", f"clean.missing={kind}")
    eras, rows = training(gappy, config, run)
    assert 0 < len(eras) < 20
    for name in shards.spec.names:
        column = rows[name].dropna()
        value = column.mode()[0] if kind == "mode" else getattr(column, kind)()
        raw = pd.concat([pd.read_parquet(gappy / f"{n}.parquet") for n in TABLES[:2]])[name]
        clean = shards.to_numpy(features=[name])[0][:, 0]
        expected = raw.fillna(int(np.rint(value))).astype("int8")
        np.testing.assert_array_equal(clean, expected)


@pytest.mark.parametrize("settings", [MEDIAN, EVERYTHING])
def test_validation_test_and_live_rows_change_nothing_that_is_learned(
    gappy: Path, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    shards, config, run = sharded(gappy, tmp_path / "run", *settings)
    eras, _ = training(gappy, config, run)
    learned = files_of(run)
    names = ("cleaning.json", "cleaning.npz")

    def unseen(values: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(5)
        other = rng.integers(0, 5, values.shape).astype(float)
        other[rng.random(values.shape) < 0.5] = np.nan
        return other

    labels = pd.read_parquet(gappy / "train.parquet")["era"]
    seen = labels.isin(eras).to_numpy()
    assert not seen.all()
    edit(gappy, "train", lambda values: np.where(seen[:, None], values, unseen(values)))
    edit(gappy, "validation", unseen)
    edit(gappy, "live", unseen)
    other, _, _ = sharded(gappy, tmp_path / "other", *settings)
    again = files_of(RunDir(tmp_path / "other"))
    assert {n: again[n] for n in names} == {n: learned[n] for n in names}
    assert other.spec == shards.spec
    for era in eras:
        one, two = (next(s.blocks([era])) for s in (shards, other))
        np.testing.assert_array_equal(one.features, two.features)
        if one.weights is not None:
            np.testing.assert_array_equal(one.weights, two.weights)

    edit(gappy, "train", lambda values: np.where(seen[:, None], 4 - values, values))
    sharded(gappy, tmp_path / "seen", *settings)
    changed = files_of(RunDir(tmp_path / "seen"))
    assert changed["cleaning.npz"] != learned["cleaning.npz"]


def test_nothing_is_learned_where_every_era_is_validated(gappy: Path, tmp_path: Path) -> None:
    kfold = ("split.scheme=kfold", "split.folds=3")
    with pytest.raises(LeakageError, match="no era is a training era of every fold"):
        sharded(gappy, tmp_path / "run", *MEDIAN, *kfold)
    shards, _, _ = sharded(gappy, tmp_path / "run", *kfold)
    assert shards.manifest.facts["cleaning"]["learned_from"] == {}


def test_the_sample_is_bounded_and_even(gappy: Path, tmp_path: Path) -> None:
    data = Dataset(DataFiles.folder(gappy), "all", [TARGET])
    eras = data.eras()[3:15]
    sample = sample_rows(data, eras, 50, seed=1)
    assert sample.eras == eras
    assert sample.features.shape == (50, 6)
    whole = sample_rows(data, eras, 10_000, seed=1)
    held = np.concatenate([block.features for block in data.blocks(eras)])
    assert sorted(whole.features.tolist()) == sorted(held.tolist())
    rows = [tuple(row) for row in held.tolist()]
    drawn = [rows.index(tuple(row)) // 12 for row in sample.features.tolist()]
    assert set(np.unique(drawn, return_counts=True)[1]) <= {2, 3, 4, 5, 6}
    np.testing.assert_array_equal(sample.features, sample_rows(data, eras, 50, seed=1).features)
    assert not np.array_equal(sample.features, sample_rows(data, eras, 50, seed=2).features)


def test_the_number_of_rows_that_are_learned_from(tmp_path: Path, make_tiny: Any) -> None:
    folder = make_tiny(tmp_path / "data", rows=40)
    for seed, name in enumerate(TABLES):
        edit(folder, name, with_gaps(seed))
    found = {}
    for rows in (100, 150, 20_000):
        shards, config, run = sharded(
            folder, tmp_path / str(rows), "clean.missing=mean", f"clean.sample_rows={rows}"
        )
        found[rows] = shards.manifest.facts["cleaning"]["learned_from"]["rows"]
    assert found == {100: 100, 150: 150, 20_000: len(training(folder, config, run)[1])}


# One and the same for live rows


def make_live(folder: Path, eras: list[str]) -> list[str]:
    """Rows of the validation file as live rows, in another order; their ids."""
    table = pq.read_table(folder / "validation.parquet")
    rows = np.flatnonzero(np.isin(table.column("era").to_pylist(), eras))
    live = table.take(np.random.default_rng(0).permutation(rows))
    place = live.schema.get_field_index("era")
    pq.write_table(
        live.set_column(place, "era", pa.array(["X"] * len(live))), folder / "live.parquet"
    )
    return [str(row) for row in live.column("id").to_pylist()]


def all_settings() -> list[tuple[str, ...]]:
    zscore = ("clean.outliers=zscore", "clean.threshold=1.0")
    return [
        (),
        ("clean.missing=own",),
        ("clean.missing=mean", "clean.indicators=true", *zscore),
        ("clean.missing=mode", *zscore, "clean.action=winsorise"),
        EVERYTHING,
    ]


@pytest.mark.parametrize(
    ("settings", "floats"),
    [(s, f) for s in all_settings() for f in (False, True) if not (f and "clean.missing=own" in s)],
)
def test_live_rows_are_cleaned_as_the_same_rows_in_shards(
    gappy: Path, tmp_path: Path, settings: tuple[str, ...], floats: bool
) -> None:
    if floats:
        as_floats(gappy, 0)
        settings = (*settings, "data.values=float")
    ids = make_live(gappy, ["0020", "0028"])
    shards, _, run = sharded(gappy, tmp_path / "run", *settings)
    cleaning = Cleaning.load(run.path("shards"))
    values = "float" if floats else "quintile"
    block = LiveData(DataFiles(**{**vars(DataFiles.folder(gappy)), "values": values}), cleaning.raw)
    live = cleaning.features(block.block().features)
    assert cleaning.spec == shards.spec
    x, labels = shards.to_numpy(["0020", "0028"])
    place = {row: number for number, row in enumerate(labels.ids)}
    same = x[[place[row] for row in ids]]
    if floats:
        np.testing.assert_allclose(live, same, rtol=1e-5)
    else:
        np.testing.assert_array_equal(live, same)


def test_predict_gives_models_what_shards_hold(
    gappy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import predict.live as live
    from ensemble.blend import ensemble
    from training.loop import train_model

    ids = make_live(gappy, ["0030"])
    models = ("models.ridge.params.alpha=10", "training.threads=1")
    shards, config, run = sharded(gappy, tmp_path / "run", *EVERYTHING, *models)
    train_model(config, run, "ridge")
    ensemble(config, run)
    seen = []
    load_model = live.load_model

    def spy(folder: Path, spec: FeatureSpec) -> Any:
        predictor = load_model(folder, spec)

        def predict(features: np.ndarray) -> np.ndarray:
            seen.append(features.copy())
            return predictor(features)

        return predict

    monkeypatch.setattr(live, "load_model", spy)
    result = live.predict(config, run)
    assert result["rows"] == len(ids) == 12
    assert result["checked"][0].startswith("12 live rows with all 6 features")
    block = next(shards.blocks(["0030"]))
    order = [block.ids.tolist().index(row) for row in ids]
    np.testing.assert_array_equal(seen[0], block.features[order])


def test_removed_rows_train_nothing_and_are_validated(gappy: Path, tmp_path: Path) -> None:
    rules = ("clean.outliers=zscore", "clean.threshold=1.0", "clean.action=remove")
    shards, config, run = sharded(gappy, tmp_path / "run", *rules, "clean.outlying_share=0.5")
    plain, _, _ = sharded(gappy, tmp_path / "plain")
    manifest = shards.manifest
    for era, entry in manifest.eras.items():
        block = next(shards.blocks([era]))
        assert len(block) == entry.rows == plain.manifest.eras[era].rows
        assert block.weights is not None
        assert entry.resolved == plain.manifest.eras[era].resolved
        known = np.isfinite(block.targets[:, 0])
        assert entry.trained[TARGET] == (known & (block.weights > 0)).sum()
    trained = sum(entry.trained[TARGET] for entry in manifest.eras.values())
    resolved = sum(entry.resolved[TARGET] for entry in manifest.eras.values())
    assert 0.3 * resolved < trained < resolved
    np.testing.assert_array_equal(shards.to_numpy()[0], plain.to_numpy()[0])
    kept, labels = shards.to_numpy(training=True)
    assert len(kept) == (shards.labels().weights > 0).sum()
    assert labels.weights is not None
    assert (labels.weights == 1).all()


# Kept beside the manifest


def test_the_manifest_says_what_was_learned_from_whom(gappy: Path, tmp_path: Path) -> None:
    shards, config, run = sharded(gappy, tmp_path / "run", *EVERYTHING)
    facts = shards.manifest.facts["cleaning"]
    eras, rows = training(gappy, config, run)
    assert facts["learned_from"] == {"eras": list(eras), "rows": len(rows)}
    path = run.path("shards", "cleaning.json")
    assert facts["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert shards.spec.cleaning == facts["digest"][:16]
    first, rest = facts["groups"]
    assert (first["name"], first["features"], first["indicators"]) == ("charisma", 3, 3)
    assert first["rules"]["missing"] == "mean"
    assert first["rules"]["threshold"] == 0.5
    assert (rest["name"], rest["features"], rest["indicators"]) == ("", 3, 0)
    assert (rest["rules"]["missing"], rest["rules"]["action"]) == ("knn", "remove")
    assert shards.spec.names[6:] == tuple(f"feature_{j}_missing" for j in (1, 2, 3))
    document = json.loads(path.read_text())
    stored = run.path("shards", "cleaning.npz").read_bytes()
    assert document["arrays"] == hashlib.sha256(stored).hexdigest()


def test_what_is_loaded_is_what_was_saved(gappy: Path, tmp_path: Path) -> None:
    for number, settings in enumerate(all_settings()):
        shards, _, run = sharded(gappy, tmp_path / str(number), *settings)
        loaded = Cleaning.load(run.path("shards"))
        assert loaded.spec == shards.spec
        assert loaded.describe() == shards.manifest.facts["cleaning"]
        copy = tmp_path / f"copy-{number}"
        copy.mkdir()
        loaded.save(copy)
        for name in ("cleaning.json", "cleaning.npz"):
            assert (copy / name).read_bytes() == run.path("shards", name).read_bytes()


@pytest.mark.parametrize("name", ["cleaning.json", "cleaning.npz"])
def test_any_change_of_what_was_learned_is_found(gappy: Path, tmp_path: Path, name: str) -> None:
    _, config, run = sharded(gappy, tmp_path / "run", *EVERYTHING)
    path = run.path("shards", name)
    content = path.read_bytes()
    rng = np.random.default_rng(1)
    for place in [0, len(content) - 1, *rng.integers(0, len(content), 20)]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(ShardError, match=f"{name}.*erazoo shard --force"):
            Cleaning.load(path.parent)
    path.write_bytes(content[:-7])
    with pytest.raises(ShardError, match=f"differs from what its manifest says.*{name}"):
        Cleaning.load(path.parent)
    path.unlink()
    with pytest.raises(ShardError, match=f"cannot be read.*{name}"):
        Cleaning.load(path.parent)
    assert not shard(config, run).get("skipped")
    assert path.read_bytes() == content


def test_the_cleaning_of_another_set_is_refused(gappy: Path, tmp_path: Path) -> None:
    _, _, one = sharded(gappy, tmp_path / "one", *MEDIAN)
    _, _, other = sharded(gappy, tmp_path / "other", "clean.missing=mean")
    for name in ("cleaning.json", "cleaning.npz"):
        one.path("shards", name).write_bytes(other.path("shards", name).read_bytes())
    with pytest.raises(ShardError, match="differs from what its manifest says"):
        Cleaning.load(one.path("shards"))


KILLED = """
import sys, time
from pathlib import Path
from etl.shards import writer
slow = writer.encode
def encode(block, form):
    time.sleep(0.02)
    return slow(block, form)
writer.encode = encode
from erazoo.config import load
from erazoo.rundir import RunDir
from etl.build import shard
shard(load(overrides=sys.argv[2:], variables={}), RunDir(Path(sys.argv[1])))
"""


def test_a_killed_run_learns_the_same_again(gappy: Path, tmp_path: Path) -> None:
    _, _, whole = sharded(gappy, tmp_path / "whole", *EVERYTHING)
    killed = tmp_path / "killed"
    words = [str(killed), f"data.dir={gappy}", *SMALL, *EVERYTHING]
    process = subprocess.Popen([sys.executable, "-c", KILLED, *words], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if len(list(killed.rglob("part*.tfrecord"))) > 4:
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (killed / "shards" / "manifest.json").exists()
    kept = {p: p.stat().st_mtime_ns for p in killed.rglob("part*.tfrecord")}
    _, _, run = sharded(gappy, killed, *EVERYTHING)
    assert sum(p.stat().st_mtime_ns == when for p, when in kept.items()) >= len(kept) - 1
    assert files_of(run) == files_of(whole)


def test_processes_clean_alike(
    gappy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import etl.workers

    monkeypatch.setattr(etl.workers, "TASK_ROWS", 1)
    _, _, alone = sharded(gappy, tmp_path / "alone", *EVERYTHING)
    _, _, together = sharded(gappy, tmp_path / "together", *EVERYTHING, "shards.workers=2")
    assert files_of(together) == files_of(alone)


# What depends on it


def test_models_refuse_data_cleaned_otherwise(gappy: Path, tmp_path: Path) -> None:
    from training.families import load_model
    from training.loop import train_model

    models = ("models.ridge.params.alpha=10",)
    shards, config, run = sharded(gappy, tmp_path / "run", *MEDIAN, *models)
    train_model(config, run, "ridge")
    folder = run.path("models", "ridge", "final")
    load_model(folder, shards.spec)
    for rules in ((), ("clean.missing=constant",), (*MEDIAN, "clean.outliers=iqr")):
        other, changed, again = sharded(gappy, run.root, *rules, *models)
        assert other.spec.fingerprint != shards.spec.fingerprint
        with pytest.raises(SchemaError, match="other features, or other cleaning of them"):
            load_model(folder, other.spec)
        with pytest.raises(StaleDataError):
            open_shards(config, again)


def test_the_seed_and_the_order_of_groups_count_where_they_matter(
    gappy: Path, tmp_path: Path
) -> None:
    sharded(gappy, tmp_path / "run")
    config, run = configured(gappy, "run.seed=8"), RunDir(tmp_path / "run")
    assert shard(config, run)["skipped"]
    sharded(gappy, tmp_path / "run", *MEDIAN)
    assert not shard(configured(gappy, "run.seed=8", *MEDIAN), run).get("skipped")
    rules = ("clean.groups.small.missing=own", "clean.groups.charisma.missing=constant")
    first, _, _ = sharded(gappy, tmp_path / "run", *rules)
    turned = configured(gappy, *reversed(rules))
    assert not shard(turned, run).get("skipped")
    second = open_shards(turned, run)[0]
    assert first.spec.fingerprint != second.spec.fingerprint


def test_codes_of_their_own_and_indicators_can_be_packed(gappy: Path, tmp_path: Path) -> None:
    rules = ("clean.missing=own", "clean.groups.small.indicators=true")
    raw, _, _ = sharded(gappy, tmp_path / "raw", *rules)
    packed, _, _ = sharded(gappy, tmp_path / "packed", *rules, "shards.codec=packed")
    x = raw.to_numpy()[0]
    assert x.max() == 5
    assert x.shape[1] == 9
    np.testing.assert_array_equal(packed.to_numpy()[0], x)


def test_an_unknown_group_writes_nothing(gappy: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"charm\. Expected: charisma"):
        sharded(gappy, tmp_path / "run", "clean.groups.charm.missing=mean")
    assert not (tmp_path / "run" / "shards" / "manifest.json").exists()
