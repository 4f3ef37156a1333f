"""HTTP failures in words: which are worth another try, and none with a URL or key in it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import requests

from erazoo.client.retry import TransientError
from erazoo.errors import RemoteError

CONNECT_SECONDS = 10.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def host(url: str) -> str:
    """Host and port of a URL: all of a signed URL that may be shown."""
    return urlsplit(url).netloc.rpartition("@")[2]


def is_loopback(url: str) -> bool:
    """Whether a URL points at this very machine."""
    return urlsplit(url).hostname in _LOOPBACK


def session(url: str) -> requests.Session:
    """A session for the service at `url`; no proxy stands between us and this machine."""
    made = requests.Session()
    made.trust_env = not is_loopback(url)
    return made


def timeouts(timeout: float) -> tuple[float, float]:
    """Seconds to connect, and seconds of silence that are borne."""
    return min(CONNECT_SECONDS, timeout), timeout


def failure(error: requests.RequestException, who: str, timeout: float) -> RemoteError:
    """The error for a request without an answer; texts of requests quote URLs, so none is used."""
    if isinstance(error, requests.Timeout):
        return TransientError(f"{who} did not answer within {timeout:g} s")
    if isinstance(error, requests.exceptions.SSLError):
        return RemoteError(f"the certificate of {who} could not be verified")
    broken = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
    if isinstance(error, broken):
        return TransientError(f"the connection to {who} failed or broke off")
    return RemoteError(f"the request to {who} could not be made", received=type(error).__name__)


def check_status(reply: requests.Response, who: str, hint: str | None = None) -> None:
    """Accept a 2xx reply; `hint` says what to do about a refusal.

    Raises:
        TransientError: the service is busy or failed (408, 429, 5xx).
        RemoteError: it refused.
    """
    code = reply.status_code
    if 200 <= code < 300:
        return
    if code in (408, 429) or code >= 500:
        raise TransientError(
            f"{who} is not available", received=f"HTTP {code}", wait=_retry_after(reply)
        )
    raise RemoteError(f"{who} refused the request", received=f"HTTP {code}", hint=hint)


def _retry_after(reply: requests.Response) -> float | None:
    text = reply.headers.get("Retry-After", "")
    return float(text) if re.fullmatch(r"\d{1,6}", text) else None
