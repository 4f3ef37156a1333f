"""TFRecord framing without TensorFlow: length, masked CRC-32C, payload, masked CRC-32C.

Source: the TFRecord format as TensorFlow documents it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from erazoo.errors import ShardError

_MASK_DELTA = 0xA282EAD8
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")


def _masked_crc(data: bytes) -> int:
    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def write_record(stream: BinaryIO, payload: bytes) -> None:
    """Append one record."""
    length = struct.pack("<Q", len(payload))
    stream.write(length + _FOOTER.pack(_masked_crc(length)))
    stream.write(payload)
    stream.write(_FOOTER.pack(_masked_crc(payload)))


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the payloads of a file, each checked.

    Raises:
        ShardError: a truncated file or a checksum that does not fit.
    """
    with path.open("rb") as stream:
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
