"""The one way to write a file or a folder: complete or not at all."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import xxhash

from erazoo.errors import ConfigError
from erazoo.logs import LOGGER

PARTIAL = ".partial-"
LOCK = ".lock"


def make_dir(path: Path) -> Path:
    """Make a folder and its parents.

    Raises:
        ConfigError: something on the path is a file, or may not be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ConfigError(
            "a folder cannot be made because a file is in the way", received=str(path)
        ) from None
    except PermissionError:
        raise ConfigError("a folder may not be written", received=str(path)) from None
    return path


@contextmanager
def atomic_file(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path` in one step.

    On failure nothing is left and an older file stays as it was.

    Args:
        path: where the file shall stand.
        durable: flush it to the disk, so that it outlives a power cut too. Without it a file is
            only written to the system's cache, which any killed process leaves whole.
    """
    make_dir(path.parent)
    handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix="".join(path.suffixes), dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        if durable:
            sync(temporary)
        os.replace(temporary, path)
        if durable:
            sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_dir(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`."""
    make_dir(path.parent)
    temporary = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if path.exists():
            old = temporary.with_name(temporary.name + ".old")
            os.replace(path, old)
            os.replace(temporary, path)
            shutil.rmtree(old)
        else:
            os.replace(temporary, path)
        sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def nothing_left(folder: Path, marks: Collection[str]) -> Iterator[None]:
    """Take a folder away again if the block makes it and fails before anything lies in it.

    Args:
        folder: may be absent, with or without its parents.
        marks: names of files that count as nothing.
    """
    absent = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        yield
    except BaseException:
        made = absent[-1] if absent else folder / PARTIAL
        if made.is_dir() and all(p.is_dir() or p.name in marks for p in made.rglob("*")):
            shutil.rmtree(made, ignore_errors=True)
        raise


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder of caches; others wait, and the lock of a killed process is free."""
    with (make_dir(folder) / LOCK).open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            LOGGER.info("waiting for another process that writes a cache in %s", folder)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def sweep(folder: Path) -> None:
    """Remove what a killed process left half-written directly in `folder`."""
    for leftover in folder.glob(f"{PARTIAL}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; NaN is refused, because other readers refuse it."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """The text that `write_json` writes."""
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Add one line of JSON to a journal by a single write, flushed to the disk.

    A line that a killed process left torn stays behind as one that `read_lines` passes over.

    Raises:
        OSError: the disk took only a part of it.
    """
    line = json.dumps(dict(value), allow_nan=False).encode() + b"\n"
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line
        if os.write(handle, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(handle)
    finally:
        os.close(handle)
    if not size:
        sync(path.parent)


def read_lines(path: Path) -> Iterator[Any]:
    """The whole lines of a journal, none where there is no journal."""
    if not path.exists():
        return
    with path.open("rb") as stream:
        for line in stream:
            with suppress(ValueError):
                yield json.loads(line)


def sha256(path: Path) -> str:
    """Hex sha256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def checksum(path: Path) -> str:
    """Hex XXH3-128 of a file, read in pieces: finds damage and mix-ups at the speed of memory.

    Against tampering, as of models, use `sha256`.
    """
    digest = xxhash.xxh3_128()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def fingerprint(value: Any) -> str:
    """Sixteen hex digits of plain values, the same for equal values."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current
