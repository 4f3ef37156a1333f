"""Whole files over HTTP: streamed, resumed only on a proven range, and checked at the end."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from erazoo.client.http import check_status, failure, host, timeouts
from erazoo.client.retry import RetryPolicy, TransientError
from erazoo.errors import RemoteError
from erazoo.logs import LOGGER, progress
from erazoo.publish import read_json

PIECE = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass
class _Part:
    """A file on its way: how much of it is here, and of which remote file."""

    path: Path
    total: int | None = None
    etag: str = ""

    @property
    def have(self) -> int:
        return self.path.stat().st_size

    def restart(self) -> None:
        self.path.write_bytes(b"")
        self.total, self.etag = None, ""

    def headers(self) -> dict[str, str]:
        """Headers that ask for what is missing, and for bytes as they are stored."""
        asked = {"Accept-Encoding": "identity"}
        if self.total is not None and self.have:
            asked["Range"] = f"bytes={self.have}-"
            if self.etag and not self.etag.startswith("W/"):
                asked["If-Range"] = self.etag
        return asked

    def accept(self, reply: requests.Response) -> int:
        """The offset at which the body of `reply` belongs."""
        if reply.status_code == requests.codes.partial_content:
            return self._accept_range(reply)
        length = reply.headers.get("Content-Length", "")
        encoding = reply.headers.get("Content-Encoding", "identity")
        if not length.isdecimal() or encoding != "identity":
            raise RemoteError(
                "the storage does not state the length of a file, so it cannot be verified",
                received=f"Content-Length {length or 'absent'}, Content-Encoding {encoding}",
            )
        if self.have:
            LOGGER.info("%s: the storage sends it from the start again", self.path.name)
        self.total, self.etag = int(length), reply.headers.get("ETag", "")
        return 0

    def _accept_range(self, reply: requests.Response) -> int:
        stated = reply.headers.get("Content-Range", "")
        match = _CONTENT_RANGE.fullmatch(stated)
        have, total = self.have, self.total
        same_file = reply.headers.get("ETag", self.etag) == self.etag
        if match and total and same_file:
            first, last, size = (int(group) for group in match.groups())
            if (first, last, size) == (have, total - 1, total):
                return have
        self.restart()
        raise TransientError(
            "the storage sent another range than the one asked for",
            received=stated or "no Content-Range",
            expected=f"bytes {have}-{(total or 0) - 1}/{total or 0}",
        )


@dataclass(frozen=True)
class Transfer:
    """Downloads and uploads of whole files.

    Args:
        session: the HTTP session.
        timeout: seconds of silence after which a transfer has failed.
        policy: retries; a download goes on where it stopped.
    """

    session: requests.Session
    timeout: float
    policy: RetryPolicy

    def download(self, sign: Callable[[], str], into: Path, label: str) -> int:
        """Stream a file into the existing, empty file `into`.

        Args:
            sign: gives a fresh signed URL for each try.
            into: where the bytes go; the caller publishes it.
            label: the file's name, for progress and messages.

        Returns:
            The file's length in bytes, as stated by the storage and found on the disk.

        Raises:
            RemoteError: the storage refused, or every try failed.
        """
        part = _Part(into)
        return self.policy.call(lambda: self._attempt(sign(), part, label))

    def upload(self, url: str, path: Path) -> None:
        """PUT a file to a signed URL and check the reply's status.

        Raises:
            RemoteError: the storage refused, or every try failed.
        """
        who = f"the storage at {host(url)}"

        def attempt() -> None:
            try:
                with path.open("rb") as stream:
                    reply = self.session.put(url, data=stream, timeout=timeouts(self.timeout))
            except requests.RequestException as error:
                raise failure(error, who, self.timeout) from None
            check_status(reply, who)

        self.policy.call(attempt)

    def _attempt(self, url: str, part: _Part, label: str) -> int:
        who = f"the storage at {host(url)}"
        try:
            with self.session.get(
                url, headers=part.headers(), stream=True, timeout=timeouts(self.timeout)
            ) as reply:
                self._receive(reply, part, who, label)
        except requests.RequestException as error:
            raise failure(error, who, self.timeout) from None
        if part.have != part.total:
            raise TransientError(
                f"{label} ended early",
                received=f"{part.have:,} bytes",
                expected=f"{part.total or 0:,} bytes",
            )
        return part.have

    def _receive(self, reply: requests.Response, part: _Part, who: str, label: str) -> None:
        if reply.status_code == requests.codes.requested_range_not_satisfiable:
            part.restart()
            raise TransientError(f"{who} cannot continue {label}")
        check_status(reply, who)
        start = part.accept(reply)
        pieces = -(-((part.total or 0) - start) // PIECE)
        with part.path.open("r+b") as stream:
            stream.seek(start)
            stream.truncate()
            body = reply.iter_content(PIECE)
            for piece in progress(body, f"{label} (MiB)", pieces):
                stream.write(piece)


def check_content(path: Path, file: str) -> None:
    """Check that a file is whole by its own account: a parquet footer, or JSON that parses.

    Args:
        path: where the bytes lie.
        file: its name, whose suffix says what it must be.

    Raises:
        RemoteError: it is not.
    """
    if file.endswith(".parquet"):
        _check_parquet(path, file)
    elif file.endswith(".json"):
        try:
            read_json(path)
        except ValueError:
            raise RemoteError(f"{file} is not valid JSON", hint=_AGAIN) from None


_AGAIN = "The copy at the service may be damaged; try again later"


def _check_parquet(path: Path, file: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as opened:
            rows = opened.metadata.num_rows
    except (pa.ArrowException, OSError):
        raise RemoteError(f"{file} is not a whole parquet file", hint=_AGAIN) from None
    LOGGER.debug("%s: %d rows", file, rows)
