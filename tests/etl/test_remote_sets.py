"""Shard sets in a store: published whole or not at all, staged right or not at all."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.written import KINDS, Kind, write
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.errors import DataError, RemoteError, ShardError
from erazoo.publish import fingerprint, json_text
from etl.remote import staging
from etl.remote.publication import Publication, publish_set
from etl.remote.staging import fetch_set, open_remote, remote_manifest
from etl.remote.store import Store
from etl.shards import ShardSet
from etl.shards.manifest import MANIFEST

FLAT = Kind("flat", "raw", "none")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(f"file://{tmp_path}/far/set")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def publish(folder: Path, store: Store, *, fresh: bool = False) -> int:
    record = folder.parent / "sent.jsonl"
    return publish_set(folder, Publication(store, record, fresh=fresh))


def place(store: Store, name: str) -> Path:
    """Where a file of a store of the kind file:// lies."""
    return Path(store.root) / name


def shards_of(store: Store) -> list[str]:
    return sorted(name for name in store.list() if ".tfrecord" in name)


def same(one: Any, other: Any) -> None:
    mine, theirs = list(one.blocks()), list(other.blocks())
    assert [b.era for b in mine] == [b.era for b in theirs]
    for a, b in zip(mine, theirs, strict=True):
        for name in ("ids", "features", "targets", "references"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


class Watched(Store):
    """A store that notes what is written to it and removed from it."""

    events: list[str]

    def put(self, path: Path, name: str) -> Any:
        self.events.append(f"+{name}")
        return super().put(path, name)

    def remove(self, name: str) -> None:
        self.events.append(f"-{name}")
        super().remove(name)


def watched(store: Store) -> Watched:
    made = Watched(store.uri, store.fs, store.root)
    object.__setattr__(made, "events", [])
    return made


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_is_staged_from_s3_is_what_was_written(kind, bucket, tmp_path, cache) -> None:
    written = write(tmp_path / "set", kind)
    store = Store.open(f"{bucket}/some/set")
    assert publish(tmp_path / "set", store) == len(written.shards.manifest.files) + 1
    staged = open_remote(f"{bucket}/some/set", cache)
    same(staged, written.shards)
    staged.verify()
    for entry in staged.manifest.files:
        ours, theirs = written.shards.folder / entry.path, staged.folder / entry.path
        assert ours.read_bytes() == theirs.read_bytes()


def test_a_staged_set_is_not_fetched_again(store, tmp_path, cache, monkeypatch) -> None:
    written = write(tmp_path / "set", FLAT)
    publish(tmp_path / "set", store)
    open_remote(store.uri, cache)
    monkeypatch.setattr(Store, "get", lambda *_: pytest.fail("fetched again"))
    same(open_remote(store.uri, cache), written.shards)


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_cache_is_fetched_anew(store, tmp_path, cache, damage) -> None:
    written = write(tmp_path / "set", FLAT)
    publish(tmp_path / "set", store)
    staged = open_remote(store.uri, cache)
    path = staged.folder / staged.manifest.files[1].path
    content = bytearray(path.read_bytes())
    content[7] ^= 4
    path.unlink()
    if damage != "gone":
        path.write_bytes(bytes(content if damage == "flip" else content[:-1]))
    (staged.folder / "train" / "part-00009-of-00010.tfrecord").write_bytes(b"of another set")
    again = open_remote(store.uri, cache)
    same(again, written.shards)
    again.verify()


def test_a_set_that_changed_is_staged_anew_and_keeps_what_is_right(
    store, tmp_path, cache, monkeypatch
) -> None:
    write(tmp_path / "set", Kind(), eras=5)
    publish(tmp_path / "set", store)
    older = open_remote(store.uri, cache)
    written = write(tmp_path / "set", Kind(), eras=7)
    known = {entry.path for entry in older.manifest.files}
    new = {entry.path for entry in written.shards.manifest.files} - known
    assert publish(tmp_path / "set", store) == len(new) + 1
    fetched: list[str] = []
    get = Store.get
    monkeypatch.setattr(
        Store, "get", lambda self, name, *rest: (fetched.append(name), get(self, name, *rest))[1]
    )
    newer = open_remote(store.uri, cache)
    same(newer, written.shards)
    assert set(fetched) == new
    assert newer.folder != older.folder
    assert not older.folder.exists()


def test_a_set_of_equal_sizes_and_other_content_is_not_taken_for_the_old_one(
    store, tmp_path, cache
) -> None:
    write(tmp_path / "set", FLAT, seed=0)
    publish(tmp_path / "set", store)
    open_remote(store.uri, cache)
    written = write(tmp_path / "set", FLAT, seed=1)
    publish(tmp_path / "set", store)
    same(open_remote(store.uri, cache), written.shards)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_damage_in_the_store_is_found_and_named(
    data, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    written = write(folder / "set", data.draw(st.sampled_from(KINDS)))
    store = Store.open(f"file://{folder}/far")
    publish(folder / "set", store)
    entry = data.draw(st.sampled_from(written.shards.manifest.files))
    path = place(store, entry.path)
    content = bytearray(path.read_bytes())
    kind = data.draw(st.sampled_from(["flip", "cut", "swap", "gone"]))
    if kind == "flip":
        bit = data.draw(st.integers(0, 8 * len(content) - 1))
        content[bit // 8] ^= 1 << bit % 8
    elif kind == "cut":
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    elif kind == "swap":
        others = [f for f in written.shards.manifest.files if f != entry]
        content = bytearray(place(store, data.draw(st.sampled_from(others)).path).read_bytes())
    path.unlink() if kind == "gone" else path.write_bytes(bytes(content))
    with pytest.raises(ShardError, match=entry.path) as caught:
        open_remote(store.uri, folder / "cache")
    assert store.uri in str(caught.value)
    assert not list((folder / "cache").rglob(MANIFEST))


def test_a_corrupt_object_in_a_bucket_is_named(bucket, tmp_path, cache) -> None:
    written = write(tmp_path / "set", FLAT)
    store = Store.open(f"{bucket}/set")
    publish(tmp_path / "set", store)
    name = written.shards.manifest.files[2].path
    content = bytearray(store.read(name) or b"")
    content[40] ^= 1
    store.fs.pipe_file(f"{store.root}/{name}", bytes(content))
    with pytest.raises(ShardError, match=f"{bucket}/set/{name}: checksum .*erazoo shard --force"):
        open_remote(store.uri, cache)
    assert publish(tmp_path / "set", store) == 2
    same(open_remote(store.uri, cache), written.shards)


def test_a_damaged_manifest_is_named(store, tmp_path, cache) -> None:
    write(tmp_path / "set", FLAT)
    publish(tmp_path / "set", store)
    path = place(store, MANIFEST)
    path.write_text(path.read_text().replace('"rows": 11', '"rows": 12', 1))
    with pytest.raises(ShardError, match=f"manifest is damaged.*{store.uri}/{MANIFEST}"):
        open_remote(store.uri, cache)


def test_an_unfinished_set_is_none(store, cache) -> None:
    with pytest.raises(ShardError, match=f"no finished shard set at this URI.*{store.uri}"):
        open_remote(store.uri, cache)


@pytest.mark.parametrize("name", ["../../escaped.tfrecord", "/etc/part-00000-of-00001.tfrecord"])
def test_a_manifest_cannot_write_outside_its_folder(store, tmp_path, cache, name) -> None:
    write(tmp_path / "set", FLAT)
    publish(tmp_path / "set", store)
    value = json.loads(place(store, MANIFEST).read_text())
    del value["digest"]
    value["files"][0]["path"] = name
    place(store, MANIFEST).write_text(json_text({**value, "digest": fingerprint(value)}))
    with pytest.raises(ShardError, match="not the name of a shard"):
        open_remote(store.uri, cache)
    value["files"], value["beside"] = [], {"../escaped": "0" * 64}
    place(store, MANIFEST).write_text(json_text({**value, "digest": fingerprint(value)}))
    with pytest.raises(ShardError, match="outside its folder"):
        remote_manifest(store)


def test_files_come_first_and_the_manifest_last(store, tmp_path) -> None:
    written = write(tmp_path / "set", FLAT)
    seen = watched(store)
    publish(tmp_path / "set", seen)
    names = [f"+{entry.path}" for entry in written.shards.manifest.files]
    assert sorted(seen.events[:-1]) == sorted(names)
    assert seen.events[-1] == f"+{MANIFEST}"


def test_an_older_manifest_goes_before_the_first_new_file(store, tmp_path) -> None:
    write(tmp_path / "set", FLAT, seed=0)
    publish(tmp_path / "set", store)
    write(tmp_path / "set", FLAT, seed=1)
    seen = watched(store)
    publish(tmp_path / "set", seen)
    assert seen.events[0] == f"-{MANIFEST}"
    assert seen.events[-1] == f"+{MANIFEST}"


def test_shards_of_an_older_set_go_and_other_files_stay(store, tmp_path) -> None:
    write(tmp_path / "set", Kind("era"), eras=6)
    publish(tmp_path / "set", store)
    (tmp_path / "notes").write_text("mine")
    store.put(tmp_path / "notes", "notes.tfrecord.txt")
    store.put(tmp_path / "notes", "train/.partial-0123-part-00000-of-00001.tfrecord")
    written = write(tmp_path / "set", Kind("era"), eras=4)
    publish(tmp_path / "set", store)
    assert shards_of(store) == sorted(
        [*(entry.path for entry in written.shards.manifest.files), "notes.tfrecord.txt"]
    )


def test_what_stands_is_not_sent_again(store, tmp_path) -> None:
    write(tmp_path / "set", FLAT)
    total = publish(tmp_path / "set", store)
    assert publish(tmp_path / "set", store) == 0
    assert publish(tmp_path / "set", store, fresh=True) == total
    assert len((tmp_path / "sent.jsonl").read_text().splitlines()) == total
    (tmp_path / "sent.jsonl").unlink()
    assert publish(tmp_path / "set", store) == total


@pytest.mark.parametrize("change", ["gone", "replaced"])
def test_what_changed_in_the_store_is_sent_again(store, tmp_path, cache, change) -> None:
    written = write(tmp_path / "set", FLAT)
    publish(tmp_path / "set", store)
    path = place(store, written.shards.manifest.files[0].path)
    size = path.stat().st_size
    path.unlink()
    if change == "replaced":
        path.write_bytes(b"x" * size)
    assert publish(tmp_path / "set", store) == 2
    same(open_remote(store.uri, cache), written.shards)


def test_a_torn_record_of_what_was_sent_costs_one_file(store, tmp_path) -> None:
    write(tmp_path / "set", FLAT)
    publish(tmp_path / "set", store)
    record = tmp_path / "sent.jsonl"
    record.write_text(record.read_text()[:-20])
    assert publish(tmp_path / "set", store) == 1


def test_another_store_is_another_publication(store, tmp_path) -> None:
    write(tmp_path / "set", FLAT)
    total = publish(tmp_path / "set", store)
    other = Store.open(f"memory://{uuid.uuid4().hex}")
    assert publish(tmp_path / "set", other) == total


def test_a_damaged_shard_is_never_published(store, tmp_path) -> None:
    written = write(tmp_path / "set", FLAT)
    path = written.shards.folder / written.shards.manifest.files[1].path
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ShardError, match=path.name):
        publish(tmp_path / "set", store)
    assert MANIFEST not in store.list()


def test_a_missing_shard_is_named(store, tmp_path) -> None:
    written = write(tmp_path / "set", FLAT)
    path = written.shards.folder / written.shards.manifest.files[1].path
    path.unlink()
    with pytest.raises(ShardError, match=f"to be published is missing.*{path.name}"):
        publish(tmp_path / "set", store)
    assert store.list() == {}


@pytest.mark.parametrize("after", range(5))
def test_a_failure_at_any_moment_leaves_no_manifest_and_goes_on(
    store, tmp_path, cache, monkeypatch, after
) -> None:
    written = write(tmp_path / "set", FLAT)
    total = len(written.shards.manifest.files) + 1
    assert total > 5
    monkeypatch.setattr("etl.remote.publication.SENDERS", 1)
    seen = watched(store)
    put: Callable[..., Any] = Watched.put

    def failing(self: Watched, path: Path, name: str) -> Any:
        if len(self.events) == after:
            raise RemoteError("the power is gone")
        return put(self, path, name)

    with monkeypatch.context() as patch:
        patch.setattr(Watched, "put", failing)
        with pytest.raises(RemoteError, match="power"):
            publish(tmp_path / "set", seen)
    assert MANIFEST not in store.list()
    with pytest.raises(ShardError, match="no finished"):
        open_remote(store.uri, cache)
    assert publish(tmp_path / "set", store) == total - after
    same(open_remote(store.uri, cache), written.shards)


def test_staging_goes_on_where_it_was_broken_off(store, tmp_path, monkeypatch) -> None:
    written = write(tmp_path / "set", FLAT)
    publish(tmp_path / "set", store)
    names = [entry.path for entry in written.shards.manifest.files]
    text, folder = remote_manifest(store), tmp_path / "here"
    monkeypatch.setattr(staging, "FETCHERS", 1)
    get = Store.get

    def failing(self: Store, name: str, *rest: Any) -> None:
        if name == names[2]:
            raise RemoteError("the power is gone")
        get(self, name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "get", failing)
        with pytest.raises(RemoteError, match="power"):
            fetch_set(store, text, folder)
    assert not (folder / MANIFEST).exists()
    fetched: list[str] = []
    monkeypatch.setattr(
        Store, "get", lambda self, name, *rest: (fetched.append(name), get(self, name, *rest))[1]
    )
    fetch_set(store, text, folder)
    assert names[2] in fetched
    assert not {*names[:2]} & {*fetched}


def test_a_folder_of_another_set_is_taken_over(store, tmp_path) -> None:
    written = write(tmp_path / "set", FLAT)
    publish(tmp_path / "set", store)
    folder = write(tmp_path / "here", Kind("era", "packed", "gzip"), seed=3).shards.folder
    fetch_set(store, remote_manifest(store), folder)
    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert found == {MANIFEST, *(entry.path for entry in written.shards.manifest.files)}


def test_the_cache_is_where_the_environment_says(store, tmp_path, monkeypatch) -> None:
    write(tmp_path / "set", FLAT)
    publish(tmp_path / "set", store)
    monkeypatch.setenv("ERAZOO_CACHE", str(tmp_path / "mine"))
    assert ShardSet.open(store.uri).folder.is_relative_to(tmp_path / "mine")
    assert ShardSet.open(str(tmp_path / "set")).folder == tmp_path / "set"
    monkeypatch.delenv("ERAZOO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert open_remote(store.uri).folder.is_relative_to(tmp_path / "xdg" / "erazoo")


def test_a_set_without_its_folder_cannot_be_published(store, tmp_path) -> None:
    write(tmp_path / "set", FLAT)
    shutil.rmtree(tmp_path / "set")
    with pytest.raises(DataError, match="no finished shard set"):
        publish(tmp_path / "set", store)
