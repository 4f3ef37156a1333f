"""GraphQL: numerapi's queries over a transport with timeouts, retries and checked answers.

numerapi's own transport has no timeout and turns every network failure into an empty answer, so
`raw_query`, through which all its methods go, is replaced here and nothing else.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from numerapi import base_api

from erazoo.client.http import check_status, failure, host, is_loopback, session, timeouts
from erazoo.client.retry import RetryPolicy, TransientError
from erazoo.errors import ConfigError, RemoteError, RoundClosedError

URL_VARIABLE = "ERAZOO_API_URL"
_CLOSED = re.compile(r"round.*(not open|closed)|not open for submissions", re.IGNORECASE)
_KEYS_AT_FAULT = re.compile(r"auth|token|scope|permission|log.?in", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://\S+")
_KEYS_HINT = "Check NUMERAI_PUBLIC_ID, NUMERAI_SECRET_KEY and the scopes of the key"


class RefusedError(RemoteError):
    """The service understood a request and answered with an error; `text` is its own words."""

    def __init__(self, who: str, text: str, hint: str | None) -> None:
        super().__init__(f"{who} answered with an error", received=text, hint=hint)
        self.text = text


def service_url() -> str:
    """The address of the service: numerapi's, unless ERAZOO_API_URL names a rehearsal server.

    Raises:
        ConfigError: ERAZOO_API_URL leaves this machine, where keys must not go.
    """
    url = os.environ.get(URL_VARIABLE) or str(base_api.API_TOURNAMENT_URL)
    if URL_VARIABLE in os.environ and os.environ[URL_VARIABLE] and not is_loopback(url):
        raise ConfigError(
            f"{URL_VARIABLE} is for a rehearsal server on this machine",
            received=host(url) or "no address",
            expected="http://127.0.0.1:PORT",
        )
    return url


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn a surprise in the shape of an answer into one clear line."""
    try:
        yield
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise RemoteError(
            f"the tournament service's answer for {what} has an unknown shape",
            received=type(error).__name__,
            hint="The service may have changed; look for a newer numerapi",
        ) from None


class _TokenAuth(requests.auth.AuthBase):
    """Passed as `auth`, so that an entry in ~/.netrc cannot replace the header."""

    def __init__(self, public_id: str, secret_key: str) -> None:
        self._header = f"Token {public_id}${secret_key}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class Wire(base_api.Api):
    """A numerapi object whose requests end in an answer or in one clear error.

    Args:
        tournament: the tournament's number at the service.
        keys: public id and secret key; None for public queries alone.
        timeout: seconds of silence after which a request has failed.
        policy: retries of queries; a mutation is sent once.
    """

    token: Any

    def __init__(
        self, tournament: int, keys: tuple[str, str] | None, timeout: float, policy: RetryPolicy
    ) -> None:
        # numerapi sets up the root logger of the process unless it has a handler.
        guard = logging.NullHandler()
        logging.getLogger().addHandler(guard)
        try:
            public_id, secret_key = keys or (None, None)
            super().__init__(public_id, secret_key, show_progress_bars=False)
        finally:
            logging.getLogger().removeHandler(guard)
        self.tournament_id = tournament
        self.url = service_url()
        self.session = session(self.url)
        self._timeout, self._policy = timeout, policy
        self._who = f"the tournament service at {host(self.url)}"

    def _login(self, public_id: str | None = None, secret_key: str | None = None) -> None:
        self.token = (public_id, secret_key) if public_id and secret_key else None

    def raw_query(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        authorization: bool = False,
        **_options: object,
    ) -> dict[str, Any]:
        """Send a query, with retries, or a mutation, once.

        Returns:
            The whole answer; its `data` is a mapping.

        Raises:
            RefusedError: the answer holds errors.
            RoundClosedError: the error says that no round is open.
            RemoteError: no usable answer; after a mutation the hint says it may have arrived.
        """
        body = {"query": query, "variables": dict(variables or {})}
        if not query.lstrip().startswith("mutation"):
            return self._policy.call(lambda: self._ask(body, authorization))
        try:
            return self._ask(body, authorization)
        except TransientError as error:
            raise RemoteError(
                error.message,
                hint="The request may have arrived all the same: look at the account before "
                "sending it again",
            ) from None

    def _ask(self, body: Mapping[str, Any], authorization: bool) -> dict[str, Any]:
        auth = _TokenAuth(*self.token) if authorization and self.token else None
        try:
            reply = self.session.post(
                self.url, json=body, auth=auth, timeout=timeouts(self._timeout)
            )
        except requests.RequestException as error:
            raise failure(error, self._who, self._timeout) from None
        answer = _json(reply)
        if isinstance(answer, dict) and answer.get("errors"):
            raise self._refusal(answer["errors"])
        check_status(reply, self._who, _KEYS_HINT if authorization else None)
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), dict):
            raise TransientError(
                f"{self._who} gave an answer without data", expected="a GraphQL answer in JSON"
            )
        return answer

    def _refusal(self, errors: Any) -> RemoteError:
        text = self._clean(_messages(errors))
        if _CLOSED.search(text):
            return RoundClosedError(
                "the round does not accept submissions now",
                received=text,
                hint="Try again when the next round opens",
            )
        return RefusedError(self._who, text, _KEYS_HINT if _KEYS_AT_FAULT.search(text) else None)

    def _clean(self, text: str) -> str:
        for key in self.token or ():
            text = text.replace(key, "<key>")
        return " ".join(_ADDRESS.sub("<address>", text).split())[:300]


def _json(reply: requests.Response) -> Any:
    try:
        return reply.json()
    except requests.exceptions.JSONDecodeError:
        return None


def _messages(errors: Any) -> str:
    found = errors if isinstance(errors, list) else [errors]
    return "; ".join(_message(error) for error in found)


def _message(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("message") or error.get("detail") or "an error without a message")
    return str(error)
