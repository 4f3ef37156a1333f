"""Shards in s3:// without a copy on this machine: written and read by tensorflow-io.

It loads beside TensorFlow 2.16 only, so it lives in an environment of its own
(`requirements-io.txt`). After any use of S3 the library aborts an orderly exit of the process;
`erazoo.processes.leave` ends it instead.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, Self, cast

from typing_extensions import override

from erazoo.client.retry import RetryPolicy
from erazoo.errors import ConfigError, MissingExtraError
from erazoo.logs import quiet_native
from etl.remote.faults import in_words
from etl.remote.store import Store
from etl.shards import ShardSet

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SCHEME = "s3://"
FOLDS = "folds.json"
READ_BYTES = 1 << 23
"""Bytes a request: each is a round trip to the store."""


def goes_direct(uri: str) -> bool:
    """Whether this environment writes and reads the shards at a URI without a local copy."""
    return uri.startswith(SCHEME) and find_spec("tensorflow_io") is not None


@cache
def gfile() -> Any:
    """`tf.io.gfile` with the file system s3:// of tensorflow-io.

    Raises:
        MissingExtraError: tensorflow-io is not installed here.
    """
    if find_spec("tensorflow_io") is None:
        raise MissingExtraError(
            "these shards are read from their store by tensorflow-io, which is not installed here",
            hint="Run the command by `bash shell/io.sh`, or fetch them first with `erazoo shard`",
        )
    for name, value in _settings(os.environ).items():
        os.environ.setdefault(name, value)
    with quiet_native():
        import tensorflow as tf
        import tensorflow_io  # noqa: F401
    return tf.io.gfile


def byte_stream(uri: str) -> Any:
    """A file in s3:// with `read` and `seek`, `READ_BYTES` a request; `GFile` asks for 512 kB."""
    gfile()
    from tensorflow.python.lib.io import _pywrap_file_io

    return _pywrap_file_io.BufferedInputStream(uri, READ_BYTES)


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The library's own names for what AWS's tools read from the environment."""
    given = environment.get
    names = {
        "S3_ENDPOINT": given("AWS_ENDPOINT_URL_S3") or given("AWS_ENDPOINT_URL"),
        "AWS_REGION": given("AWS_DEFAULT_REGION"),
        "AWS_SDK_LOAD_CONFIG": "1" if given("AWS_PROFILE") else None,
    }
    return {name: value for name, value in names.items() if value}


class DirectStore(Store):
    """A store in s3:// whose files are put by tensorflow-io; see `Store`."""

    @override
    @classmethod
    def open(cls, uri: str) -> Self:
        """The store at a URI, with the library loaded before several threads want it.

        Raises:
            MissingExtraError: tensorflow-io is not installed here.
        """
        gfile()
        return super().open(uri)

    @override
    def _write(self, path: Path, place: str) -> None:
        gfile().copy(str(path), f"{SCHEME}{place}", overwrite=True)


def open_direct(uri: str) -> ShardSet:
    """The shard set at a URI in s3://; rows are read from there each time.

    Raises:
        RemoteError: the store cannot be used, in words.
        ShardError: the manifest or a file is missing, or a file has another size.
        MissingExtraError: tensorflow-io is not installed here.
    """
    return ShardSet.open(direct_folder(uri))


def direct_folder(uri: str) -> Path:
    """The folder of a shard set in s3://, as the readers of shards take it.

    Raises:
        RemoteError: the store cannot be used, in words.
        MissingExtraError: tensorflow-io is not installed here.
    """
    return cast("Path", RemotePath.of(DirectStore.open(uri)))


@dataclass(frozen=True, order=True)
class RemotePath:
    """A file or folder in s3://, with as much of `pathlib.Path` as the readers of shards use.

    Args:
        root: the URI of the folder that was listed.
        below: its name in that folder; empty for the folder itself.
        sizes: bytes of every file below the root, by name.
    """

    root: str
    below: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, store: Store) -> RemotePath:
        """The folder of a store, as it stands now; the folds beside a set are no part of it."""
        sizes = {name: held.bytes for name, held in store.list().items() if name != FOLDS}
        return cls(store.uri, "", sizes)

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(self.root, f"{self.below}/{name}".lstrip("/"), self.sizes)

    def __str__(self) -> str:
        return f"{self.root}/{self.below}".rstrip("/")

    def __fspath__(self) -> str:
        return str(self)

    @property
    def name(self) -> str:
        """The last part of its name."""
        return PurePosixPath(self.below).name

    def is_file(self) -> bool:
        """Whether it was listed as a file."""
        return self.below in self.sizes

    def is_dir(self) -> bool:
        """Folders are not listed."""
        return False

    def stat(self) -> SimpleNamespace:
        """Its size, as `st_size`."""
        return SimpleNamespace(st_size=self.sizes[self.below])

    def rglob(self, pattern: str) -> Iterator[RemotePath]:
        """Every listed file below, for the pattern `*`."""
        for name in self.sizes:
            if PurePosixPath(name).match(pattern):
                yield RemotePath(self.root, name, self.sizes)

    def relative_to(self, other: RemotePath) -> PurePosixPath:
        """Its name below another path."""
        return PurePosixPath(self.below).relative_to(other.below)

    def resolve(self) -> RemotePath:
        """Itself."""
        return self

    def open(self, mode: str = "rb") -> IO[bytes]:  # noqa: ARG002
        """Its bytes, `READ_BYTES` a request.

        Raises:
            FileNotFoundError: it was not listed.
        """
        if not self.is_file():
            raise FileNotFoundError(str(self))
        return io.BufferedReader(_Stream(str(self), self.stat().st_size), READ_BYTES)

    def read_text(self, encoding: str) -> str:
        """Its content as text."""
        with self.open() as stream:
            return stream.read().decode(encoding)

    def mkdir(self, **_: object) -> None:
        """Refused, since caches are files of this machine.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "shards that are read from their store have no folder for a cache",
            received=str(self),
            expected="mmap = a folder of this machine",
        )


class _Stream(io.RawIOBase):
    """A file in s3:// as a raw stream."""

    def __init__(self, uri: str, size: int) -> None:
        super().__init__()
        self._uri, self._size, self._at = uri, size, 0
        self._file = byte_stream(uri)

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = start + offset
        return self._at

    @override
    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._at)
        if wanted <= 0:
            return 0
        content = RetryPolicy().call(lambda: self._read(wanted))
        view[: len(content)] = content
        self._at += len(content)
        return len(content)

    def _read(self, size: int) -> bytes:
        try:
            self._file.seek(self._at)
            return bytes(self._file.read(size))
        except Exception as error:
            raise in_words(error, self._uri) from None
