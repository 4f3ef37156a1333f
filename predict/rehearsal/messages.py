"""What goes in and out of the rehearsal server, before it becomes bytes on a socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request that has been read.

    Args:
        call: what it is: a root field in camel case, `storage.get` or `storage.put`.
        path: path and query of the URL.
        headers: header names in lower case.
        body: the whole body.
    """

    call: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class FileSlice:
    """A piece of a file on the disk."""

    path: Path
    start: int
    length: int

    def read(self) -> bytes:
        """The whole piece in memory."""
        with self.path.open("rb") as stream:
            stream.seek(self.start)
            return stream.read(self.length)


@dataclass(frozen=True)
class Reply:
    """A reply, as it should be or as a fault made it.

    Args:
        status: HTTP status.
        body: bytes, or a piece of a file that is streamed.
        headers: headers beside Content-Length.
        send: bytes of the body that are sent before the line breaks; None for all.
        delay: seconds before the first byte.
        drop: whether the connection is closed without any reply.
    """

    status: int = 200
    body: bytes | FileSlice = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    send: int | None = None
    delay: float = 0.0
    drop: bool = False

    @property
    def length(self) -> int:
        """Bytes of the whole body."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.length


def json_reply(value: Any) -> Reply:
    """A reply in JSON."""
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


def error_reply(message: str) -> Reply:
    """A GraphQL answer that holds one error."""
    return json_reply({"errors": [{"message": message}]})
