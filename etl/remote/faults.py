"""Failures of a remote store in words, and which of them another try may cure."""

from __future__ import annotations

import errno
from typing import Any
from urllib.parse import urlsplit

from erazoo.client.retry import TransientError
from erazoo.errors import RemoteError

NO_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "ProfileNotFound",
}
BROKEN = {
    "HTTPClientError",
    "ClientConnectionError",
    "ClientPayloadError",
    "ConnectionError",
    "IncompleteRead",
    "ResponseParserError",
    "TimeoutError",
    "UnavailableError",
    "DeadlineExceededError",
}
"""Names among the ancestors of an exception; the libraries that raise them are not imported."""
BUSY = (errno.EBUSY, errno.EAGAIN, getattr(errno, "EREMOTEIO", errno.EIO), errno.EIO)


def in_words(error: Exception, uri: str) -> RemoteError:
    """The error for a failed call to the store at `uri`.

    Args:
        error: what the library raised.
        uri: the store; credentials are never part of it.

    Returns:
        A `TransientError` where another try may help.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    where = urlsplit(uri)
    if names & NO_CREDENTIALS:
        return RemoteError(
            f"there are no credentials for {uri}",
            received=error,
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        )
    if lacks_bucket(error):
        return RemoteError(
            "there is no such bucket",
            received=f"{where.scheme}://{where.netloc}",
            hint="Make the bucket, or set shards.remote to another",
        )
    if "PermissionError" in names:
        return RemoteError(
            f"{uri} does not admit these credentials",
            received=error,
            hint="Check the credentials and what they may do in this bucket",
        )
    if "SSLError" in names:
        return RemoteError(f"the certificate of the store at {uri} could not be verified")
    if names & BROKEN:
        return TransientError(f"the connection to {uri} failed or broke off", received=error)
    if getattr(error, "errno", None) in BUSY:
        return TransientError(f"the store at {uri} is not available", received=error)
    return RemoteError(f"the store at {uri} failed", received=f"{type(error).__name__}: {error}")


def lacks_bucket(error: Exception) -> bool:
    """Whether a call failed because there is no such bucket."""
    return _code(error) == "NoSuchBucket"


def _code(error: Exception) -> str:
    """The store's own code of an error, such as `NoSuchBucket`."""
    for one in (error, error.__cause__):
        response: Any = getattr(one, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""
