"""Shards that stay in their store: the logic with a stand-in for tensorflow-io's file system."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.written import KINDS, Kind, write

from erazoo.config import Config, load
from erazoo.errors import ConfigError, MissingExtraError, RemoteError, ShardError, StaleDataError
from erazoo.rundir import RunDir
from etl import build
from etl.build import bring_shards, open_shards, shard
from etl.inspection.run import find_run_damage
from etl.remote import direct, fetch
from etl.remote import writer as direct_writer
from etl.remote.direct import RemotePath, goes_direct
from etl.remote.publication import Publication, publish_set
from etl.remote.store import Store
from etl.remote.writer import portions
from etl.shards import ShardSet
from etl.shards.manifest import MANIFEST
from etl.shards.plan import Piece, PlannedFile
from training.train import train

SETTINGS = ("split.folds=2", "split.margin=1", "training.threads=1", "models.ridge.params.alpha=10")


def byte_stream(uri: str) -> Any:
    """The bytes of a file through fsspec."""
    import fsspec

    return fsspec.open(uri, "rb").open()


@pytest.fixture
def directly(monkeypatch: pytest.MonkeyPatch) -> str:
    """A URI whose shards are written and read without a local copy."""
    monkeypatch.setattr(direct, "byte_stream", byte_stream)
    monkeypatch.setattr(direct, "DirectStore", Store)
    for module in (build, fetch):
        monkeypatch.setattr(module, "goes_direct", bool)
        monkeypatch.setattr(module, "DirectStore", Store)
    return f"memory://{uuid.uuid4().hex}/set"


@pytest.fixture
def config(panel_folder: Path, directly: str) -> Config:
    words = [f"data.dir={panel_folder}", f"shards.remote={directly}", *SETTINGS]
    return load(overrides=words, variables={})


@pytest.fixture
def local(panel_folder: Path, tmp_path: Path) -> RunDir:
    """The same shards in a run directory."""
    run = RunDir(tmp_path / "local")
    shard(load(overrides=[f"data.dir={panel_folder}", *SETTINGS], variables={}), run)
    return run


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path / "run")


def local_shards(run: RunDir) -> list[Path]:
    return list(run.path("shards").rglob("*.tfrecord*"))


def content(store: Store) -> dict[str, bytes | None]:
    return {name: store.read(name) for name in store.list() if name != "folds.json"}


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def without(run: RunDir, config: Config, uri: str) -> Config:
    """The experiment of a machine that has no data."""
    words = [f"data.dir={run.root}/none", f"shards.remote={uri}", *SETTINGS]
    return load(overrides=words, variables={})


def test_shards_and_manifest_are_written_there_and_only_there(config, run, local) -> None:
    result = shard(config, run)
    assert result["sent"] == result["files"] + 4
    assert local_shards(run) == []
    assert content(Store.open(config.shards.remote)) == files(local.path("shards"))


def test_they_are_read_and_trained_from_there(config, run, local, directly) -> None:
    shard(config, run)
    guest = RunDir(run.root.parent / "guest")
    shards, plan = bring_shards(without(guest, config, directly), guest)
    assert local_shards(guest) == []
    assert plan == open_shards(config, local)[1]
    theirs, _ = shards.to_numpy()
    ours, _ = ShardSet.open(local.path("shards")).to_numpy()
    np.testing.assert_array_equal(ours, theirs)
    assert find_run_damage(guest) == ()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_reader_reads_from_there(kind, directly, tmp_path: Path) -> None:
    written = write(tmp_path / "set", kind)
    publish_set(tmp_path / "set", Publication(Store.open(directly), tmp_path / "sent"))
    shards = direct.open_direct(directly)
    ours = written.shards
    for eras in ("all", "even"):
        for training in (False, True):
            a, la = ours.to_numpy(eras, training=training)
            b, lb = shards.to_numpy(eras, training=training)
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(la.ids, lb.ids)
    target = ours.targets[0]
    a, b = ours.to_lightgbm(target=target), shards.to_lightgbm(target=target)
    np.testing.assert_array_equal(a[0 : len(a)], b[0 : len(b)])
    np.testing.assert_array_equal(a[[len(a) - 1, 0]], b[[len(b) - 1, 0]])
    mapped, _ = shards.to_numpy(mmap=tmp_path / "maps")
    np.testing.assert_array_equal(mapped, ours.to_numpy()[0])
    shards.verify()
    with pytest.raises(ConfigError, match="mmap = a folder"):
        shards.to_numpy(mmap=True)


def test_a_portion_at_a_time_lies_here(config, run, local, monkeypatch) -> None:
    monkeypatch.setattr(direct_writer, "PORTION_BYTES", 1000)
    most: list[int] = []
    send = Publication.send

    def seen(self: Publication, parcels: Any) -> None:
        most.append(len(local_shards(run)))
        send(self, parcels)

    monkeypatch.setattr(Publication, "send", seen)
    result = shard(config, run)
    assert 1 <= max(most) < result["files"] / 4
    assert content(Store.open(config.shards.remote)) == files(local.path("shards"))


def test_it_goes_on_where_it_was_broken_off(config, run, local, monkeypatch) -> None:
    monkeypatch.setattr(direct_writer, "PORTION_BYTES", 1000)
    put, sent = Store.put, []

    def failing(self: Store, path: Path, name: str) -> Any:
        if len(sent) == 12:
            raise RemoteError("the power is gone")
        sent.append(name)
        return put(self, path, name)

    with monkeypatch.context() as patch:
        patch.setattr("etl.remote.publication.SENDERS", 1)
        patch.setattr(Store, "put", failing)
        with pytest.raises(RemoteError, match="power"):
            shard(config, run)
    store = Store.open(config.shards.remote)
    assert MANIFEST not in store.list()
    with pytest.raises(StaleDataError):
        open_shards(config, run)
    result = shard(config, run)
    assert result["sent"] == result["files"] + 4 - 12
    assert content(store) == files(local.path("shards"))


def test_what_stands_is_skipped_and_force_writes_it_again(config, run) -> None:
    first = shard(config, run)
    again = shard(config, run)
    assert (again["skipped"], again["sent"]) == (True, 0)
    assert shard(config, run, force=True)["sent"] == first["sent"]


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "foreign"])
def test_damage_in_the_store_is_found(config, run, damage, directly) -> None:
    shard(config, run)
    store = Store.open(directly)
    name = next(name for name in store.list() if name.endswith(".tfrecord"))
    raw = bytearray(store.read(name) or b"")
    raw[50] ^= 2
    if damage == "foreign":
        store.fs.pipe_file(f"{store.root}/train/stray", b"x")
        [found] = find_run_damage(run)
        assert found.path.endswith("train/stray")
        return
    if damage == "gone":
        store.remove(name)
    else:
        store.fs.pipe_file(f"{store.root}/{name}", bytes(raw if damage == "flip" else raw[:-1]))
    [found] = find_run_damage(run)
    assert found.path.endswith(name)
    with pytest.raises(ShardError, match=name):
        list(open_shards(config, run)[0].blocks())


def test_a_set_published_anew_is_not_taken_for_the_old_one(config, run, directly) -> None:
    shard(config, run)
    guest = RunDir(run.root.parent / "guest")
    bring_shards(without(guest, config, directly), guest)
    other = config.model_copy(update={"split": config.split.model_copy(update={"folds": 3})})
    shard(other, run)
    with pytest.raises(StaleDataError, match="published anew"):
        open_shards(without(guest, config, directly), guest)


def test_a_run_that_went_direct_is_written_here_without_the_library(
    config, run, local, monkeypatch
) -> None:
    shard(config, run)
    monkeypatch.undo()
    result = shard(config, run)
    assert "skipped" not in result
    assert files(run.path("shards")) == files(local.path("shards"))
    open_shards(config, run)


def test_without_the_library_the_environment_is_named(config, run, monkeypatch) -> None:
    shard(config, run)
    monkeypatch.undo()
    with pytest.raises(MissingExtraError, match=r"tensorflow-io.*shell/io\.sh"):
        open_shards(config, run)


def test_shards_that_stand_here_are_used_here(config, local, directly) -> None:
    assert isinstance(open_shards(config, local)[0].folder, type(local.root))


def test_a_network_and_a_ridge_train_from_there(config, run, directly) -> None:
    shard(config, run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.train.train_apart", _train_here)
        guest = RunDir(run.root.parent / "guest")
        results = train(without(guest, config, directly), guest, ["ridge"])
    assert results["ridge"]["status"] == "ok"
    assert local_shards(guest) == []


def _train_here(config: Config, run: RunDir, name: str, **_: object) -> dict[str, Any]:
    from training.loop import train_model

    return train_model(config, run, name)


@pytest.mark.parametrize(
    ("uri", "there", "expected"),
    [
        ("s3://b/n", True, True),
        ("s3://b/n", False, False),
        ("file:///n", True, False),
        ("", True, False),
    ],
)
def test_only_s3_goes_direct_and_only_with_the_library(monkeypatch, uri, there, expected) -> None:
    monkeypatch.setattr(direct, "find_spec", lambda _: object() if there else None)
    assert goes_direct(uri) is expected


def test_the_library_is_told_what_the_aws_tools_read() -> None:
    given = {"AWS_ENDPOINT_URL": "http://here:1", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert direct._settings(given) == {"S3_ENDPOINT": "http://here:1", "AWS_REGION": "eu-west-1"}
    assert direct._settings({}) == {}


def test_portions_hold_every_file_once_in_order(tmp_path: Path) -> None:
    form = write(tmp_path, Kind()).shards.manifest.form
    files = tuple(PlannedFile(str(k), (Piece("0001", 0, 10 + k),)) for k in range(9))
    row = len(form.spec.names) + 4 * (len(form.targets) + len(form.references))
    for most in (1, 25 * row, 40 * row, 10**9):
        parts = list(portions(files, form, most))
        assert tuple(file for part in parts for file in part) == files
        assert all(len(p) == 1 or sum(f.rows for f in p) * row <= most for p in parts)
    assert list(portions((), form, 10)) == []


def test_remote_paths_behave_as_paths(directly, tmp_path: Path) -> None:
    store = Store.open(directly)
    (tmp_path / "a").write_bytes(bytes(range(256)) * 100)
    store.put(tmp_path / "a", "train/a.tfrecord")
    root = RemotePath.of(store)
    path = root / "train/a.tfrecord"
    assert str(path) == f"{directly}/train/a.tfrecord"
    assert path == RemotePath.of(store) / "train/a.tfrecord"
    assert {path} == set(root.rglob("*"))
    assert (path.name, path.relative_to(root).as_posix()) == ("a.tfrecord", "train/a.tfrecord")
    assert path.stat().st_size == 25600
    with path.open() as stream:
        assert stream.read(3) == bytes([0, 1, 2])
        stream.seek(25598)
        assert stream.read() == bytes([254, 255])
        assert stream.seek(-1, 2) == 25599
    with pytest.raises(FileNotFoundError):
        (root / "b").open()
