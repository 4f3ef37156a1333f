"""The rehearsal server: GraphQL and object storage on a loopback port."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from erazoo.logs import LOGGER
from erazoo.tournament import CLASSIC, CRYPTO
from predict.rehearsal.faults import Arsenal
from predict.rehearsal.graphql import Call, GraphQLError, parse, prune
from predict.rehearsal.messages import FileSlice, Reply, Request, error_reply, json_reply
from predict.rehearsal.service import Grant, Service, Slot

KEYS = ("REHEARSALPUBLICID", "REHEARSALSECRETKEY")
SLOTS = (
    Slot("rehearsal_classic", "00000000-0000-4000-8000-000000000008", CLASSIC.number or 0),
    Slot("rehearsal_crypto", "00000000-0000-4000-8000-000000000012", CRYPTO.number or 0),
)
_PIECE = 1 << 20
_UNKNOWN = "unknown"


class RehearsalServer:
    """A tournament service on 127.0.0.1 for as long as the context lasts.

    Attributes:
        service: the state: rounds, slots, stored uploads, submissions taken.
        faults: arms faults of the table by name.
        calls: the calls received so far, in order.

    >>> with RehearsalServer({}) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True

    Args:
        datasets: folder of files by prefix, such as `v5.3` or `crypto/v2.0`.
        keys: the public id and secret key that are accepted.
        slots: model slots of the account.
    """

    def __init__(
        self,
        datasets: Mapping[str, Path],
        *,
        keys: tuple[str, str] = KEYS,
        slots: tuple[Slot, ...] = SLOTS,
    ) -> None:
        self.service = Service(datasets, keys, slots)
        self.faults = Arsenal()
        self.calls: list[str] = []
        self.closing = threading.Event()
        self._http: ThreadingHTTPServer | None = None

    def __enter__(self) -> RehearsalServer:
        server = self

        class Handler(_Handler):
            rehearsal = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.service.address = self.url
        threading.Thread(
            target=self._http.serve_forever, args=(0.02,), name="rehearsal", daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()

    @property
    def url(self) -> str:
        """The server's address; it must be running."""
        if self._http is None:
            raise RuntimeError("the rehearsal server is not running")
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def environment(self) -> dict[str, str]:
        """Variables under which the client, here or in a subprocess, talks to this server."""
        public_id, secret_key = self.service.keys
        return {
            "ERAZOO_API_URL": self.url,
            "NUMERAI_PUBLIC_ID": public_id,
            "NUMERAI_SECRET_KEY": secret_key,
            "NO_PROXY": "127.0.0.1",
        }

    def answer(self, request: Request, call: Call | None) -> Reply:
        """The reply to a request, the fault armed for it included."""
        self.calls.append(request.call)
        fault = self.faults.take(request.call)
        if fault is None:
            return self._reply(request, call)
        if fault.instead is not None:
            return fault.instead
        changed = fault.before(request)
        return fault.after(changed, self._reply(changed, call))

    def _reply(self, request: Request, call: Call | None) -> Reply:
        if request.call.startswith("storage."):
            return self._storage(request)
        try:
            if call is None:
                raise GraphQLError("the query cannot be parsed")
            value = self.service.resolve(call, request.headers.get("authorization", ""))
        except GraphQLError as error:
            return error_reply(str(error))
        return json_reply({"data": {call.asked: prune(value, call.selection)}})

    def _storage(self, request: Request) -> Reply:
        grant = self._grant(request.path)
        if grant is None:
            return Reply(403, b"<Code>SignatureDoesNotMatch</Code>")
        if request.call == "storage.put" and grant.store_as:
            self.service.stored[grant.store_as] = request.body
            return Reply()
        if request.call == "storage.get" and grant.source is not None:
            return _file_reply(grant.source, request.headers)
        return Reply(405)

    def _grant(self, path: str) -> Grant | None:
        parts = urlsplit(path)
        token = parts.path.removeprefix("/storage/").split("/")[0]
        grant = self.service.grants.get(token)
        signature = parse_qs(parts.query).get("signature", [""])[0]
        return grant if grant is not None and grant.signature == signature else None


def _file_reply(path: Path, headers: Mapping[str, str]) -> Reply:
    facts = path.stat()
    etag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
    match = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
    if match is None or headers.get("if-range", etag) != etag:
        return Reply(200, FileSlice(path, 0, facts.st_size), {"ETag": etag})
    start = int(match[1])
    if start >= facts.st_size:
        return Reply(416, headers={"Content-Range": f"bytes */{facts.st_size}"})
    stated = f"bytes {start}-{facts.st_size - 1}/{facts.st_size}"
    body = FileSlice(path, start, facts.st_size - start)
    return Reply(206, body, {"ETag": etag, "Content-Range": stated})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    rehearsal: RehearsalServer

    def do_POST(self) -> None:
        body = self._body()
        try:
            asked = json.loads(body)
            call = parse(asked["query"], asked.get("variables") or {})
        except (GraphQLError, ValueError, KeyError, TypeError):
            self._answer(_UNKNOWN, body, None)
        else:
            self._answer(call.name, body, call)

    def do_GET(self) -> None:
        self._answer("storage.get", b"", None)

    def do_PUT(self) -> None:
        self._answer("storage.put", self._body(), None)

    def log_message(self, *_: object) -> None:
        # The standard line would quote signed addresses.
        LOGGER.debug("rehearsal: %s", self.command)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, name: str, body: bytes, call: Call | None) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        reply = self.rehearsal.answer(Request(name, self.path, headers, body), call)
        try:
            self._send(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send(self, reply: Reply) -> None:
        if reply.drop or (reply.delay and self.rehearsal.closing.wait(reply.delay)):
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(reply.length))
        self.end_headers()
        self._send_body(reply)

    def _send_body(self, reply: Reply) -> None:
        left = reply.length if reply.send is None else reply.send
        self.close_connection |= reply.send is not None
        if isinstance(reply.body, bytes):
            self.wfile.write(reply.body[:left])
            return
        with reply.body.path.open("rb") as stream:
            stream.seek(reply.body.start)
            while left > 0 and (piece := stream.read(min(_PIECE, left))):
                self.wfile.write(piece)
                left -= len(piece)
