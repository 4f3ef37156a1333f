"""The state behind the rehearsal server: data sets, rounds, model slots, uploads, submissions."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from erazoo.tournament import CLASSIC, CRYPTO, Round
from predict.rehearsal.graphql import Call, GraphQLError

NOT_OPEN = "Current round not open for submissions"


@dataclass(frozen=True)
class Slot:
    """A model slot of the account."""

    name: str
    id: str
    tournament: int


@dataclass(frozen=True)
class Submitted:
    """A submission that the service has taken."""

    id: str
    model_id: str
    tournament: int
    round: int
    filename: str
    sha256: str
    inserted: dt.datetime


@dataclass(frozen=True)
class Grant:
    """What a signed address gives access to: a file to read, or a name to store under."""

    signature: str
    source: Path | None = None
    store_as: str = ""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _this_round() -> Round:
    now = _now().replace(microsecond=0)
    return Round(1000, now - dt.timedelta(hours=1), now + dt.timedelta(hours=12))


@dataclass
class Service:
    """The tournament as the account sees it.

    Args:
        datasets: folder of files by prefix, such as `v5.3` or `crypto/v2.0`.
        keys: the public id and secret key that are accepted.
        slots: model slots of the account.
        rounds: the current round of each tournament, by the tournament's number.
        terms: the terms of the current rounds: `target`, `payoutFactor`, `roundScoreConfigs` ...
        clock: gives the time, UTC.
    """

    datasets: Mapping[str, Path]
    keys: tuple[str, str]
    slots: tuple[Slot, ...]
    rounds: dict[int, Round] = field(
        default_factory=lambda: {t.number or 0: _this_round() for t in (CLASSIC, CRYPTO)}
    )
    terms: Mapping[str, Any] = field(default_factory=lambda: {"roundScoreConfigs": []})
    clock: Callable[[], dt.datetime] = _now
    grants: dict[str, Grant] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    submitted: list[Submitted] = field(default_factory=list)
    address: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def resolve(self, call: Call, authorization: str) -> Any:
        """The value of a root field.

        Args:
            call: the call.
            authorization: the Authorization header of the request.

        Raises:
            GraphQLError: an unknown field, wrong keys, or what the field's own rules say.
        """
        resolver = _RESOLVERS.get(call.name)
        if resolver is None:
            raise GraphQLError(f"Cannot query field {call.asked!r} on type RootQueryType")
        if call.name in _PRIVATE and authorization != "Token {}${}".format(*self.keys):
            raise GraphQLError("You must be authenticated to perform this action")
        with self._lock:
            return resolver(self, call.arguments)

    def close_round(self, tournament: int) -> None:
        """Let the current round of a tournament end now."""
        current = self.rounds[tournament]
        self.rounds[tournament] = Round(current.number, current.opens, self.clock())

    def _list(self, arguments: Mapping[str, Any]) -> list[str]:
        crypto = arguments.get("tournament") == CRYPTO.number
        return sorted(
            f"{prefix}/{path.name}"
            for prefix, folder in self.datasets.items()
            if prefix.startswith("crypto/") == crypto
            for path in folder.iterdir()
            if path.is_file()
        )

    def _dataset(self, arguments: Mapping[str, Any]) -> str:
        name = str(arguments.get("filename"))
        if name not in self._list(arguments):
            raise GraphQLError(f"File {name} not found")
        prefix, _, base = name.rpartition("/")
        return self._grant(base, source=self.datasets[prefix] / base)

    def _rounds(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        current = self.rounds.get(int(arguments["tournament"]))
        if arguments.get("number") not in (None, 0, current.number if current else None):
            return []
        if current is None:
            raise GraphQLError(NOT_OPEN)
        opens, closes = current.opens.isoformat(), current.closes.isoformat()
        known = {**self.terms, "number": current.number, "openTime": opens}
        return [{**known, "closeStakingTime": closes, "closeTime": closes}]

    def _account(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"models": [vars(slot) for slot in self.slots]}

    def _upload_auth(self, arguments: Mapping[str, Any]) -> dict[str, str]:
        self._own(arguments)
        given = PurePosixPath(str(arguments["filename"]))
        filename = f"{given.stem}-{secrets.token_hex(6)}{given.suffix}"
        return {"filename": filename, "url": self._grant(filename, store_as=filename)}

    def _create(self, arguments: Mapping[str, Any]) -> dict[str, str]:
        slot, filename = self._own(arguments), str(arguments["filename"])
        current = self.rounds.get(slot.tournament)
        now = self.clock()
        if current is None or not current.is_open(now):
            raise GraphQLError(NOT_OPEN)
        if filename not in self.stored:
            raise GraphQLError(f"File {filename} was not uploaded")
        digest = hashlib.sha256(self.stored[filename]).hexdigest()
        identifier = str(uuid.uuid4())
        place = (identifier, slot.id, slot.tournament, current.number)
        self.submitted.append(Submitted(*place, filename, digest, now))
        return {"id": identifier}

    def _submissions(self, arguments: Mapping[str, Any]) -> list[dict[str, str]]:
        return [
            {"id": s.id, "filename": s.filename, "insertedAt": s.inserted.isoformat()}
            for s in self.submitted
            if s.model_id == arguments.get("modelId")
        ]

    def _own(self, arguments: Mapping[str, Any]) -> Slot:
        wanted = (arguments.get("modelId"), arguments.get("tournament"))
        for slot in self.slots:
            if (slot.id, slot.tournament) == wanted:
                return slot
        raise GraphQLError("The model does not belong to this account and tournament")

    def _grant(self, base: str, source: Path | None = None, store_as: str = "") -> str:
        token, signature = secrets.token_hex(8), secrets.token_hex(16)
        self.grants[token] = Grant(signature, source, store_as)
        return f"{self.address}/storage/{token}/{base}?signature={signature}"


_RESOLVERS: dict[str, Callable[[Service, Mapping[str, Any]], Any]] = {
    "listDatasets": Service._list,
    "dataset": Service._dataset,
    "rounds": Service._rounds,
    "account": Service._account,
    "submissionUploadAuth": Service._upload_auth,
    "createSubmission": Service._create,
    "submissions": Service._submissions,
}
_PRIVATE = {"account", "submissionUploadAuth", "createSubmission", "submissions"}
