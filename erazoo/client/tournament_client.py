"""The typed client of one tournament."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from erazoo.client.receipts import Fetched, SubmissionReceipt
from erazoo.client.retry import RetryPolicy
from erazoo.errors import (
    ConfigError,
    RemoteError,
    RoundClosedError,
    SchemaError,
    SubmissionRejectedError,
)
from erazoo.logs import LOGGER, SECRETS
from erazoo.near import nearest
from erazoo.publish import atomic_file, sha256
from erazoo.tournament import CLASSIC, Round, Tournament

if TYPE_CHECKING:
    from erazoo.client.transfer import Transfer
    from erazoo.client.wire import Wire
    from erazoo.terms import RoundTerms

LATEST = "latest"
_VERSION = r"v\d+(?:\.\d+)*"
_KEY = re.compile(r"[!-#%-~]+")
_ROUND = """query($tournament: Int!, $number: Int!) {
  rounds(tournament: $tournament, number: $number) { number openTime closeStakingTime }
}"""
_TERMS = """query($tournament: Int!, $number: Int!) {
  rounds(tournament: $tournament, number: $number) {
    number target payoutFactor stakeThreshold
    roundScoreConfigs {
      name displayName isPayout defaultMultiplier minMultiplier maxMultiplier
      totalScoreDays returnsLagDays clipThreshold stakeThreshold payoutFactor
    }
  }
}"""
_DATASET = """query($filename: String!, $tournament: Int) {
  dataset(filename: $filename, tournament: $tournament)
}"""
_UPLOAD_AUTH = """query($filename: String!, $tournament: Int!, $modelId: String) {
  submission_upload_auth(filename: $filename, tournament: $tournament, modelId: $modelId) {
    filename url
  }
}"""
_CREATE = """mutation($filename: String!, $tournament: Int!, $modelId: String) {
  create_submission(
    filename: $filename, tournament: $tournament, modelId: $modelId, source: "numerapi"
  ) { id }
}"""


class TournamentClient:
    """Everything erazoo asks of the tournament service.

    Nothing is sent, and neither numerapi nor requests is loaded, before the first call. Every
    failure is one of the remote errors, in one line without keys or signed addresses.

    Args:
        tournament: Classic or Crypto.
        public_id: public half of the API key; default NUMERAI_PUBLIC_ID, read when needed.
        secret_key: secret half of the API key; default NUMERAI_SECRET_KEY, read when needed.
        timeout: seconds of silence after which a request has failed.
        retries: further tries of a call that may be repeated safely.

    Raises:
        ConfigError: the tournament has no service.
    """

    def __init__(
        self,
        tournament: Tournament,
        public_id: str | None = None,
        secret_key: str | None = None,
        *,
        timeout: float = 60.0,
        retries: int = 3,
    ) -> None:
        if tournament.number is None:
            raise ConfigError(
                "this panel belongs to no tournament, so there is no service to ask",
                received=f"tournament {tournament.name!r}",
                expected="classic or crypto in [data]",
            )
        self.tournament = tournament
        self._number = tournament.number
        self._keys = (public_id, secret_key)
        self._timeout, self._policy = timeout, RetryPolicy(retries)

    def latest_version(self) -> str:
        """The newest version of the tournament's data; versions are compared as numbers.

        Raises:
            RemoteError: the service lists none.
        """
        return _latest(self._versions())

    def list_files(self, version: str = LATEST) -> tuple[str, ...]:
        """Names of the files of one version, as `fetch` takes them.

        Raises:
            ConfigError: there is no such version.
            RemoteError: the service lists none at all.
        """
        versions = self._versions()
        if version == LATEST:
            version = _latest(versions)
        if version not in versions:
            raise ConfigError(
                "the service has no such version of the data",
                received=version,
                expected=nearest(version, versions),
            )
        return tuple(versions[version])

    def current_round(self) -> Round:
        """The current round with its times; `Round.is_open` says whether it takes submissions.

        Raises:
            RoundClosedError: there is none now.
        """
        from erazoo.client.wire import understood

        answer = self._wire.raw_query(_ROUND, {"tournament": self._number, "number": 0})
        with understood("the current round"):
            rounds = answer["data"]["rounds"] or [None]
            if rounds[0] is not None:
                return _round(rounds[0])
        raise self._no_round()

    def round_terms(self, number: int | None = None) -> RoundTerms:
        """What a round pays for; no key is needed.

        Args:
            number: the round; None is the current one.

        Raises:
            ConfigError: there is no such round.
            RoundClosedError: there is no round now.
            RemoteError: terms that cannot be understood.
        """
        from erazoo.client.wire import understood
        from erazoo.terms import RoundTerms

        answer = self._wire.raw_query(_TERMS, {"tournament": self._number, "number": number or 0})
        with understood("the terms of a round"):
            rounds = [found for found in answer["data"]["rounds"] or () if found is not None]
        if not rounds and number:
            raise ConfigError(
                f"the {self.tournament.name} tournament has no such round", received=number
            )
        if not rounds:
            raise self._no_round()
        try:
            return RoundTerms.from_json(rounds[0])
        except SchemaError as error:
            raise RemoteError(
                "the tournament service names terms of a round that cannot be used",
                received=error.message,
            ) from None

    def models(self) -> dict[str, str]:
        """The account's model slots in this tournament: name to identifier.

        Raises:
            ConfigError: the keys are missing.
        """
        from erazoo.client.wire import understood

        wire = self._authorised
        with understood("the account's models"):
            return {str(name): str(key) for name, key in wire.get_models().items()}

    def fetch(self, file: str, destination: Path, force: bool = False) -> Fetched:
        """Download one file, or keep the whole one that is there.

        It grows in a temporary file beside `destination`, its length is compared with the
        storage's, a parquet footer or JSON is read, and only then it takes its name. Live files
        are always fetched: yesterday's can have the same size.

        Raises:
            ConfigError: `destination` cannot be written.
            RemoteError: the file could not be had whole; an older one stays as it was.
        """
        from erazoo.client.transfer import check_content

        live = PurePosixPath(file).name.startswith("live")
        if not (force or live) and self._stands(file, destination):
            LOGGER.info("%s: kept, it is here already (--force downloads it again)", destination)
            return Fetched(file, destination, destination.stat().st_size, "kept")
        if destination.is_dir():
            raise ConfigError("a folder is in the place of a file", received=str(destination))
        with atomic_file(destination) as temporary:
            size = self._transfer.download(lambda: self._signed_url(file), temporary, file)
            check_content(temporary, file)
        LOGGER.info("%s: downloaded, %s bytes", destination, f"{size:,}")
        return Fetched(file, destination, size, "downloaded")

    def upload(self, path: Path, model_id: str) -> SubmissionReceipt:
        """Send a submission file for one model slot; the caller has checked file and round.

        Raises:
            ConfigError: the keys are missing.
            RoundClosedError: the round closed meanwhile.
            SubmissionRejectedError: the service refused the file.
            RemoteError: a step failed; the hint says where the file may have arrived.
        """
        from erazoo.client.wire import understood

        variables = {"filename": path.name, "tournament": self._number, "modelId": model_id}
        answer = self._authorised.raw_query(_UPLOAD_AUTH, variables, authorization=True)
        with understood("an upload"):
            granted = answer["data"]["submission_upload_auth"]
            url, filename = str(granted["url"]), str(granted["filename"])
        digest, size = sha256(path), path.stat().st_size
        self._transfer.upload(url, path)
        created = self._create({**variables, "filename": filename})
        now = dt.datetime.now(dt.UTC)
        return SubmissionReceipt(created, model_id, filename, digest, size, now)

    def _no_round(self) -> RoundClosedError:
        return RoundClosedError(
            f"the {self.tournament.name} tournament has no round now",
            hint="Try again when the next round opens",
        )

    def _create(self, variables: Mapping[str, Any]) -> str:
        from erazoo.client.wire import RefusedError

        try:
            answer = self._authorised.raw_query(_CREATE, variables, authorization=True)
        except RefusedError as error:
            raise SubmissionRejectedError(
                "the tournament rejected the submission", received=error.text
            ) from None
        created = answer["data"].get("create_submission")
        if not isinstance(created, dict) or not created.get("id"):
            raise SubmissionRejectedError(
                "the tournament did not confirm the submission",
                received="an answer without an identifier",
                hint="Look at the account before sending it again",
            )
        return str(created["id"])

    def _stands(self, file: str, destination: Path) -> bool:
        from erazoo.client.transfer import check_content

        if not destination.is_file():
            return False
        try:
            check_content(destination, file)
        except RemoteError:
            LOGGER.warning("%s: damaged, so it is downloaded again", destination)
            return False
        return True

    def _signed_url(self, file: str) -> str:
        variables = {"filename": file, "tournament": self._number}
        url = self._wire.raw_query(_DATASET, variables)["data"].get("dataset")
        if not isinstance(url, str) or not url:
            raise RemoteError("the tournament service gives no address for a file", received=file)
        return url

    def _versions(self) -> dict[str, list[str]]:
        from erazoo.client.wire import understood

        prefix = "" if self.tournament == CLASSIC else f"{self.tournament.name}/"
        pattern = re.compile(f"{re.escape(prefix)}({_VERSION})/.+")
        found: dict[str, list[str]] = {}
        with understood("the list of files"):
            for name in sorted(map(str, self._wire.list_datasets())):
                if match := pattern.fullmatch(name):
                    found.setdefault(match[1], []).append(name)
        return found

    @cached_property
    def _wire(self) -> Wire:
        from erazoo.client.wire import Wire

        return Wire(self._number, None, self._timeout, self._policy)

    @cached_property
    def _authorised(self) -> Wire:
        from erazoo.client.wire import Wire

        return Wire(self._number, _credentials(*self._keys), self._timeout, self._policy)

    @cached_property
    def _transfer(self) -> Transfer:
        from erazoo.client.transfer import Transfer

        return Transfer(self._wire.session, self._timeout, self._policy)


def _credentials(public_id: str | None, secret_key: str | None) -> tuple[str, str]:
    given = {
        name: (value or os.environ.get(name, "")).strip()
        for name, value in zip(SECRETS, (public_id, secret_key), strict=True)
    }
    if missing := [name for name, value in given.items() if not value]:
        raise ConfigError(
            "the tournament's API keys are missing",
            received=f"no {' and no '.join(missing)}",
            hint="Set them in the environment; keys are made in the account's settings",
        )
    if wrong := [name for name, value in given.items() if not _KEY.fullmatch(value)]:
        raise ConfigError(f"{wrong[0]} holds a character that no key has")
    public, secret = given.values()
    return public, secret


def _latest(versions: Iterable[str]) -> str:
    latest = max(versions, key=_version_key, default=None)
    if latest is None:
        raise RemoteError("the service lists no data for this tournament")
    return latest


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.removeprefix("v").split("."))


def _round(answer: Mapping[str, Any]) -> Round:
    return Round(
        int(answer["number"]), _time(answer["openTime"]), _time(answer["closeStakingTime"])
    )


def _time(text: str) -> dt.datetime:
    time = dt.datetime.fromisoformat(text)
    return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
