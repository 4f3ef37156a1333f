"""Stores: the same behaviour whatever the protocol, and failures in words."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from erazoo.client.retry import RetryPolicy
from erazoo.errors import ConfigError, MissingExtraError, RemoteError
from etl.remote.store import Store

KINDS = ("memory", "file", "s3")


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("erazoo.client.retry.sleep", lambda _: None)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return Store.open(f"memory://{uuid.uuid4().hex}/set")
    if request.param == "file":
        return Store.open(f"file://{tmp_path}/far/set")
    return Store.open(f"{request.getfixturevalue('bucket')}/set/")


@pytest.fixture
def local(tmp_path: Path) -> Callable[[bytes], Path]:
    def make(content: bytes) -> Path:
        path = tmp_path / uuid.uuid4().hex
        path.write_bytes(content)
        return path

    return make


def test_what_is_put_is_listed_read_and_fetched(store, local, tmp_path: Path) -> None:
    assert store.list() == {}
    held = store.put(local(b"abc"), "train/era=0001/part")
    empty = store.put(local(b""), "manifest.json")
    assert store.list() == {"train/era=0001/part": held, "manifest.json": empty}
    assert held.bytes == 3
    assert held.mark
    assert store.read("train/era=0001/part") == b"abc"
    assert store.read("manifest.json") == b""
    store.get("train/era=0001/part", tmp_path / "got", 3)
    assert (tmp_path / "got").read_bytes() == b"abc"


def test_a_new_content_of_the_same_size_has_another_mark(store, local) -> None:
    before = store.put(local(b"abc"), "a")
    after = store.put(local(b"abd"), "a")
    assert store.read("a") == b"abd"
    assert before != after


def test_what_is_absent_reads_as_nothing_and_is_removed_in_peace(store, local) -> None:
    assert store.read("a") is None
    store.remove("a")
    store.put(local(b"abc"), "a")
    store.remove("a")
    assert store.list() == {}


def test_a_broken_put_leaves_the_older_file_whole(local, tmp_path: Path, monkeypatch) -> None:
    store = Store.open(f"file://{tmp_path}/far")
    store.put(local(b"whole"), "a")

    def torn(source: str, target: str) -> None:
        Path(target).write_bytes(b"to")
        raise RuntimeError("killed")

    monkeypatch.setattr(store.fs, "put_file", torn)
    with pytest.raises(RemoteError, match="killed"):
        store.put(local(b"other"), "a")
    assert store.read("a") == b"whole"


def test_a_missing_bucket_is_named(s3, local, tmp_path: Path) -> None:
    store = Store.open("s3://no-such-bucket/set")
    calls: list[Callable[[], Any]] = [
        store.list,
        lambda: store.read("a"),
        lambda: store.put(local(b"abc"), "a"),
        lambda: store.get("a", tmp_path / "got", 3),
    ]
    for call in calls:
        with pytest.raises(RemoteError, match="no such bucket.*s3://no-such-bucket") as caught:
            call()
        assert caught.value.exit_code == 4


def test_missing_credentials_are_named(bucket: str, local, monkeypatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    store = Store.open(f"{bucket}/set")
    for call in (store.list, lambda: store.read("a"), lambda: store.put(local(b"a"), "a")):
        with pytest.raises(RemoteError, match="no credentials for s3://.*AWS_ACCESS_KEY_ID"):
            call()


def test_a_profile_that_does_not_exist_is_named(bucket: str, monkeypatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(RemoteError, match=r"no credentials.*nobody"):
        Store.open(f"{bucket}/set").list()


def test_a_dead_endpoint_is_tried_again_and_named(s3, monkeypatch, no_waits, caplog) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(RemoteError, match="connection to s3://b/set failed.*Gave up after 4 tries"):
        Store.open("s3://b/set").list()


def test_a_busy_store_is_tried_again(local, monkeypatch, no_waits) -> None:
    store = Store.open(f"memory://{uuid.uuid4().hex}")
    busy, put = [OSError(errno.EBUSY, "SlowDown"), TimeoutError()], store.fs.put_file

    def hesitant(source: str, target: str) -> None:
        if busy:
            raise busy.pop()
        put(source, target)

    monkeypatch.setattr(store.fs, "put_file", hesitant)
    assert store.put(local(b"abc"), "a").bytes == 3


def test_a_store_that_stays_busy_is_given_up(monkeypatch, no_waits) -> None:
    store = Store.open("memory://x")
    store = Store(store.uri, store.fs, store.root, RetryPolicy(retries=2))

    def busy(*_: object, **__: object) -> None:
        raise OSError(errno.EBUSY, "SlowDown")

    monkeypatch.setattr(store.fs, "find", busy)
    with pytest.raises(RemoteError, match=r"not available.*SlowDown.*3 tries"):
        store.list()


def test_a_refusal_is_not_tried_again(monkeypatch, no_waits) -> None:
    store, tries = Store.open("memory://x"), []

    def refuse(*_: object, **__: object) -> None:
        tries.append(1)
        raise PermissionError("Access Denied")

    monkeypatch.setattr(store.fs, "find", refuse)
    with pytest.raises(RemoteError, match=r"does not admit.*Access Denied"):
        store.list()
    assert len(tries) == 1


def test_a_file_that_ends_early_is_fetched_again(local, tmp_path, monkeypatch, no_waits) -> None:
    store = Store.open(f"memory://{uuid.uuid4().hex}")
    store.put(local(b"abc"), "a")
    pieces = [b"a", b"ab", b"abc"]
    monkeypatch.setattr(
        store.fs, "get_file", lambda _, into: Path(into).write_bytes(pieces.pop(0)) and None
    )
    store.get("a", tmp_path / "got", 3)
    assert (tmp_path / "got").read_bytes() == b"abc"


@pytest.mark.parametrize("uri", ["bucket/name", "s9://bucket/name", ""])
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match="not the URI of a store"):
        Store.open(uri)


def test_a_protocol_without_its_library_says_what_is_missing() -> None:
    with pytest.raises(MissingExtraError, match=r"gs:// needs .*gcsfs"):
        Store.open("gs://bucket/name")
