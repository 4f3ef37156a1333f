"""Faults on demand: one entry in a table each."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from predict.rehearsal.messages import FileSlice, Reply, Request, error_reply

ANY = "*"
HANG_SECONDS = 3600.0


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call.

    Args:
        call: the call it strikes unless another is named: a root field, `storage.get`,
            `storage.put` or `*`.
        instead: a reply in place of the service's, which never sees the request.
        before: changes the request before the service sees it.
        after: changes the reply after the service has acted.
    """

    call: str
    instead: Reply | None = None
    before: Callable[[Request], Request] = lambda request: request
    after: Callable[[Request, Reply], Reply] = lambda _, reply: reply


def _without(*names: str) -> Callable[[Request], Request]:
    def strip(request: Request) -> Request:
        kept = {name: value for name, value in request.headers.items() if name not in names}
        return replace(request, headers=kept)

    return strip


def _shift_range(_: Request, reply: Reply) -> Reply:
    stated = reply.headers.get("Content-Range", "")
    moved = re.sub(r"bytes (\d+)", lambda m: f"bytes {int(m[1]) + 1}", stated)
    return replace(reply, headers={**reply.headers, "Content-Range": moved} if stated else {})


def _bytes(reply: Reply) -> bytes:
    return reply.body.read() if isinstance(reply.body, FileSlice) else reply.body


def _damage_end(_: Request, reply: Reply) -> Reply:
    body = _bytes(reply)
    return replace(reply, body=body[:-8] + b"\0" * len(body[-8:]))


def _shorten(_: Request, reply: Reply) -> Reply:
    return replace(reply, body=_bytes(reply)[: reply.length // 2])


def _break_off(_: Request, reply: Reply) -> Reply:
    return replace(reply, send=reply.length // 2)


def _hang(_: Request, reply: Reply) -> Reply:
    return replace(reply, delay=HANG_SECONDS)


def _echo_keys(request: Request, _: Reply) -> Reply:
    return error_reply(f"bad credentials: {request.headers.get('authorization', 'none')}")


FAULTS: dict[str, Fault] = {
    "put_refused": Fault("storage.put", instead=Reply(403, b"<Code>AccessDenied</Code>")),
    "get_refused": Fault("storage.get", instead=Reply(403, b"<Code>AccessDenied</Code>")),
    "broken_off": Fault("storage.get", after=_break_off),
    "range_ignored": Fault("storage.get", before=_without("range")),
    "if_range_ignored": Fault("storage.get", before=_without("if-range")),
    "range_shifted": Fault("storage.get", after=_shift_range),
    "damaged": Fault("storage.get", after=_damage_end),
    "shortened": Fault("storage.get", after=_shorten),
    "round_closed": Fault("rounds", instead=error_reply("Current round not open for submissions")),
    "rejected": Fault(
        "createSubmission", instead=error_reply("invalid_submission_ids: not enough live ids")
    ),
    "unconfirmed": Fault("createSubmission", instead=Reply(200, b'{"data": {}}')),
    "graphql_error": Fault(ANY, instead=error_reply("internal error in a resolver")),
    "keys_echoed": Fault("account", after=_echo_keys),
    "not_json": Fault(ANY, instead=Reply(200, b"<html>a proxy's page</html>")),
    "unavailable": Fault(ANY, instead=Reply(503)),
    "hanging": Fault(ANY, after=_hang),
    "dropped": Fault(ANY, instead=Reply(drop=True)),
}


@dataclass
class _Armed:
    fault: Fault
    call: str
    passes: int
    strikes: float

    def strikes_now(self, call: str) -> bool:
        if self.call not in (ANY, call) or self.strikes <= 0:
            return False
        if self.passes:
            self.passes -= 1
            return False
        self.strikes -= 1
        return True


@dataclass
class Arsenal:
    """The faults that are armed; safe to use from every thread of the server."""

    _armed: list[_Armed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, name: str, call: str | None = None, *, times: float = 1, after: int = 0) -> None:
        """Let a fault strike; faults armed for the same call strike in the order of arming.

        Args:
            name: its name in the table.
            call: the call it strikes, where not the table's.
            times: how often; `math.inf` for always.
            after: calls that pass unharmed before.

        Raises:
            KeyError: the table holds no such fault.
        """
        fault = FAULTS[name]
        with self._lock:
            self._armed.append(_Armed(fault, call or fault.call, after, times))

    def take(self, call: str) -> Fault | None:
        """The fault that strikes this call, used up by it."""
        with self._lock:
            return next((a.fault for a in self._armed if a.strikes_now(call)), None)

    def disarm(self) -> None:
        """Drop every fault that has not struck."""
        with self._lock:
            self._armed.clear()
