"""A folder of files at a URI, through fsspec: listed, read, written whole, removed."""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from erazoo.client.retry import RetryPolicy, TransientError
from erazoo.errors import ConfigError, MissingExtraError
from erazoo.publish import PARTIAL
from etl.remote.faults import in_words, lacks_bucket

T = TypeVar("T")
WHOLE_PUTS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "memory"}
"""Protocols whose puts appear whole or not at all; elsewhere a put is renamed into its place."""
S3 = ("s3", "s3a")
PART_BYTES = 1 << 24
"""What a put to S3 holds in memory; larger files go in parts and still appear whole."""
CONNECT_SECONDS, READ_SECONDS = 10, 60


@dataclass(frozen=True)
class Held:
    """A file of a store.

    Args:
        bytes: its size.
        mark: changes whenever it is written (an ETag, or a time); empty where the store has none.
    """

    bytes: int
    mark: str


@dataclass(frozen=True)
class Store:
    """The files below a URI; each call is tried again where that may help.

    Args:
        uri: of the folder, without a slash at its end.
        fs: the fsspec file system.
        root: the folder's name in it.
        policy: of retries.
    """

    uri: str
    fs: Any
    root: str
    policy: RetryPolicy = field(default_factory=RetryPolicy)

    @classmethod
    def open(cls, uri: str) -> Self:
        """The store at a URI; nothing is sent yet.

        Raises:
            ConfigError: not a URI of a protocol that fsspec knows.
            MissingExtraError: a protocol whose library is not installed.
        """
        import fsspec

        uri = uri.rstrip("/")
        protocol, mark, _ = uri.partition("://")
        try:
            if not mark:
                raise ValueError(uri)
            kind = fsspec.get_filesystem_class(protocol)
        except ValueError:
            raise ConfigError(
                "this is not the URI of a store", received=uri, expected="such as s3://bucket/name"
            ) from None
        except ImportError as error:
            raise MissingExtraError(
                f"{protocol}:// needs a library that is not installed", received=error
            ) from None
        fs = kind(skip_instance_cache=True, use_listings_cache=False, **_options(protocol))
        if hasattr(fs, "retries"):
            fs.retries = 1
        return cls(uri, fs, kind._strip_protocol(uri))

    def list(self) -> dict[str, Held]:
        """Every file below the URI by its relative name; none where nothing is there.

        Raises:
            RemoteError: no such bucket, no credentials, no connection.
        """

        def find() -> dict[str, Any]:
            return dict(self.fs.find(self.root, detail=True))

        nothing: dict[str, Any] = {}
        found = self._call(_or_absent(find, nothing))
        return {
            posixpath.relpath(name, self.root): Held(int(info["size"]), _mark(info))
            for name, info in found.items()
        }

    def read(self, name: str) -> bytes | None:
        """The bytes of a small file, None where there is none.

        Raises:
            RemoteError: as for `list`.
        """

        def content() -> bytes | None:
            return bytes(self.fs.cat_file(self._place(name)))

        return self._call(_or_absent(content, None))

    def get(self, name: str, path: Path, size: int) -> None:
        """Bring a file of a known size into `path`, which the caller publishes.

        Raises:
            RemoteError: as for `list`, or it is gone, or ends early in every try.
        """

        def bring() -> None:
            self.fs.get_file(self._place(name), str(path))
            if (found := path.stat().st_size) != size:
                raise TransientError(
                    f"{self.uri}/{name} came with another size", received=found, expected=size
                )

        self._call(bring)

    def put(self, path: Path, name: str) -> Held:
        """Write a file whole, over an older one, and see that it stands.

        Raises:
            RemoteError: as for `list`.
        """
        place, size = self._place(name), path.stat().st_size

        def write() -> Held:
            self._write(path, place)
            info = self.fs.info(place)
            if int(info["size"]) != size:
                raise TransientError(
                    f"{self.uri}/{name} arrived with another size",
                    received=info["size"],
                    expected=size,
                )
            return Held(size, _mark(info))

        return self._call(write)

    def remove(self, name: str) -> None:
        """Remove a file, where it is there.

        Raises:
            RemoteError: as for `list`.
        """

        def drop() -> None:
            self.fs.rm_file(self._place(name))

        self._call(_or_absent(drop, None))

    def _write(self, path: Path, place: str) -> None:
        if self.uri.partition("://")[0] in WHOLE_PUTS:
            parts = {"chunksize": PART_BYTES} if self.uri.partition("://")[0] in S3 else {}
            self.fs.put_file(str(path), place, **parts)
            return
        folder, name = posixpath.split(place)
        self.fs.makedirs(folder, exist_ok=True)
        temporary = f"{folder}/{PARTIAL}{uuid.uuid4().hex}-{name}"
        self.fs.put_file(str(path), temporary)
        self.fs.mv(temporary, place)

    def _place(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _call(self, operation: Callable[[], T]) -> T:
        def attempt() -> T:
            try:
                return operation()
            except TransientError:
                raise
            except Exception as error:
                raise in_words(error, self.uri) from None

        return self.policy.call(attempt)


def _or_absent(operation: Callable[[], T], absent: T) -> Callable[[], T]:
    """The operation with a result where a file, and not its bucket, is absent."""

    def tolerant() -> T:
        try:
            return operation()
        except FileNotFoundError as error:
            if lacks_bucket(error):
                raise
            return absent

    return tolerant


def _options(protocol: str) -> dict[str, Any]:
    """Options of a file system: its own retries and threads would multiply ours."""
    if protocol not in S3:
        return {}
    return {
        "max_concurrency": 1,
        "config_kwargs": {
            "retries": {"total_max_attempts": 1, "mode": "standard"},
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
        },
    }


def _mark(info: dict[str, Any]) -> str:
    found = (info.get(key) for key in ("ETag", "etag", "mtime", "LastModified", "created"))
    mark = next((value for value in found if value), "")
    return str(mark.timestamp() if isinstance(mark, datetime) else mark)
