"""The client's one retry policy: bounded tries, growing waits, jitter."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from time import sleep
from typing import TypeVar

from erazoo.errors import RemoteError
from erazoo.logs import LOGGER

T = TypeVar("T")
_RANDOM = random.SystemRandom()


class TransientError(RemoteError):
    """A failure that another try may cure; it never leaves the client.

    Args:
        what: what went wrong.
        received: what was found.
        expected: what would have been accepted.
        wait: seconds that the service asks to wait, if it says so.
    """

    def __init__(
        self,
        what: str,
        *,
        received: object = None,
        expected: object = None,
        wait: float | None = None,
    ) -> None:
        super().__init__(what, received=received, expected=expected)
        self.wait = wait


@dataclass(frozen=True)
class RetryPolicy:
    """How often and after which waits an idempotent call is tried again.

    Args:
        retries: tries after the first.
        first_wait: seconds before the first retry; each further wait doubles.
        longest_wait: no wait is longer, whatever the service asks for.
    """

    retries: int = 3
    first_wait: float = 0.5
    longest_wait: float = 30.0

    def call(self, operation: Callable[[], T]) -> T:
        """The result of `operation`, tried again after each `TransientError`.

        Raises:
            RemoteError: every try failed; not transient, so nested calls do not multiply tries.
        """
        retry = 0
        while True:
            try:
                return operation()
            except TransientError as error:
                if retry >= self.retries:
                    raise RemoteError(
                        error.message, hint=f"Gave up after {_tries(retry + 1)}; try again later"
                    ) from None
                wait = self._wait(retry, error.wait)
                retry += 1
                LOGGER.info("%s Retry %d of %d in %.1f s", error.message, retry, self.retries, wait)
            sleep(wait)

    def _wait(self, retry: int, asked: float | None) -> float:
        jittered = self.first_wait * 2.0**retry * _RANDOM.uniform(0.5, 1.0)
        return min(max(jittered, asked or 0.0), self.longest_wait)


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"
