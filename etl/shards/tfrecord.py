"""TFRecord framing without TensorFlow: length, masked CRC-32C, payload, masked CRC-32C.

Source: the TFRecord format as TensorFlow documents it.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import google_crc32c
import xxhash

from erazoo.errors import ShardError

_MASK_DELTA = 0xA282EAD8
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")


def _masked_crc(data: bytes) -> int:
    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


COMPRESSION_LEVEL = 6
READ_BYTES = 1 << 20


class RecordWriter:
    """Writes the records of one file and takes the checksum of its bytes on the way.

    Args:
        path: the file.
        compression: `none`, `gzip` or `zlib`, of the whole file; equal records give equal bytes.
    """

    def __init__(self, path: Path, compression: str = "none") -> None:
        self._stack = ExitStack()
        self._disk = _Digesting(self._stack.enter_context(path.open("wb")))
        self._stream: Any = self._disk
        if compression == "gzip":
            self._stream = self._stack.enter_context(
                gzip.GzipFile("", "wb", COMPRESSION_LEVEL, self._disk, mtime=0)
            )
        elif compression == "zlib":
            self._stream = self._stack.enter_context(_ZlibStream(self._disk))

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def write(self, payload: bytes) -> None:
        """Append one record."""
        length = struct.pack("<Q", len(payload))
        self._stream.write(length + _FOOTER.pack(_masked_crc(length)))
        self._stream.write(payload)
        self._stream.write(_FOOTER.pack(_masked_crc(payload)))

    @property
    def checksum(self) -> str:
        """XXH3-128 of the bytes on disk, once the file is closed."""
        return self._disk.digest.hexdigest()

    @property
    def bytes(self) -> int:
        """On disk, once the file is closed."""
        return self._disk.bytes


def read_records(path: Path, compression: str = "none") -> Iterator[bytes]:
    """Yield the payloads of a file, each checked.

    Raises:
        ShardError: a file that is missing, truncated, or whose checksums do not fit.
    """
    with ExitStack() as stack:
        stream = _open(stack, path, compression)
        with _damage_named(path):
            yield from _records(stream, path)


class RecordFile:
    """The records of one file by their places, each checked.

    An uncompressed file is entered anywhere; a compressed one is read on from where it stands,
    and from its start for an earlier record.

    Args:
        path: the file.
        compression: `none`, `gzip` or `zlib`.
    """

    def __init__(self, path: Path, compression: str = "none") -> None:
        self._path, self._compression, self._stack = path, compression, ExitStack()
        self._rewind()

    def record(self, place: int) -> bytes:
        """The payload of the record that begins at an offset of the plain content.

        Raises:
            ShardError: the file is damaged, or holds no record there.
        """
        if self._compression == "none":
            self._stream.seek(place)
            self._at = place
        elif place < self._at:
            self._rewind()
        with _damage_named(self._path):
            for payload in _records(self._stream, self._path):
                here, self._at = self._at, self._at + record_bytes(payload)
                if here == place:
                    return payload
        raise ShardError("a shard lacks a record that it held", received=str(self._path))

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def _rewind(self) -> None:
        self._stack.close()
        self._stream, self._at = _open(self._stack, self._path, self._compression), 0


def record_bytes(payload: bytes) -> int:
    """Bytes that a record takes in the plain content of a file."""
    return _HEADER.size + len(payload) + _FOOTER.size


def _open(stack: ExitStack, path: Path, compression: str) -> Any:
    try:
        stream = stack.enter_context(path.open("rb"))
    except FileNotFoundError:
        raise ShardError("a shard is missing", received=str(path)) from None
    if compression == "gzip":
        return stack.enter_context(gzip.GzipFile(fileobj=stream))
    return _ZlibReader(stream) if compression == "zlib" else stream


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ShardError("a compressed shard is damaged", received=f"{path} ({error})") from None


def _records(stream: Any, path: Path) -> Iterator[bytes]:
    while header := stream.read(_HEADER.size):
        if len(header) < _HEADER.size:
            raise ShardError("a shard ends inside a record", received=str(path))
        length, crc = _HEADER.unpack(header)
        if _masked_crc(header[:8]) != crc:
            raise ShardError("a shard is damaged (record length)", received=str(path))
        body = stream.read(length + _FOOTER.size)
        if len(body) < length + _FOOTER.size:
            raise ShardError("a shard ends inside a record", received=str(path))
        payload = body[:length]
        if _masked_crc(payload) != _FOOTER.unpack(body[length:])[0]:
            raise ShardError("a shard is damaged (record content)", received=str(path))
        yield payload


class _Digesting:
    """A file that remembers the checksum and the number of the bytes written to it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.digest, self.bytes = stream, xxhash.xxh3_128(), 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.bytes += len(data)
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()


class _ZlibStream:
    def __init__(self, disk: _Digesting) -> None:
        self._disk, self._packer = disk, zlib.compressobj(COMPRESSION_LEVEL)

    def __enter__(self) -> _ZlibStream:
        return self

    def __exit__(self, *error: object) -> None:
        self._disk.write(self._packer.flush())

    def write(self, data: bytes) -> None:
        self._disk.write(self._packer.compress(data))


class _ZlibReader:
    """Reads a zlib stream; an end before its end is an EOFError."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._unpacker, self._held = stream, zlib.decompressobj(), b""

    def read(self, size: int) -> bytes:
        parts, missing = [self._held[:size]], size - len(self._held)
        self._held = self._held[size:]
        while missing > 0 and not self._unpacker.eof:
            packed = self._unpacker.unconsumed_tail or self._stream.read(READ_BYTES)
            plain = self._unpacker.decompress(packed, max(missing, READ_BYTES))
            if not packed and not plain:
                raise EOFError("the compressed stream ends before its end marker")
            parts.append(plain[:missing])
            self._held = plain[missing:]
            missing -= len(plain)
        return b"".join(parts)
