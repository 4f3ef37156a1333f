"""Every error that a user can meet, each with the exit code of the command that raised it."""

from __future__ import annotations


class ErazooError(Exception):
    """Root of all errors that erazoo raises on purpose.

    Args:
        what: what went wrong, without a final full stop.
        received: the value that was found, if one explains the failure.
        expected: what would have been accepted.
        hint: what the reader can do next, as a sentence.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        received: object = None,
        expected: object = None,
        hint: str | None = None,
    ) -> None:
        parts = [what]
        if received is not None:
            parts.append(f"Received: {received}")
        if expected is not None:
            parts.append(f"Expected: {expected}")
        if hint is not None:
            parts.append(hint)
        self.message = ". ".join(part.rstrip(".") for part in parts) + "."
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class ConfigError(ErazooError, ValueError):
    """A configuration, an option or a path that cannot be used."""

    exit_code = 2


class DataError(ErazooError):
    """Data that cannot be used; the family of data errors."""

    exit_code = 3


class SchemaError(DataError):
    """A file whose columns, types or values differ from what its kind declares."""


class UnsortedError(SchemaError):
    """Rows that do not stand era by era, in chronological order."""

    @classmethod
    def at(
        cls, where: str, what: str = "the rows of an era do not stand together"
    ) -> UnsortedError:
        """The error of a place where the order breaks, with the way out."""
        return cls(
            what,
            received=where,
            expected="each era in one piece, in chronological order",
            hint="Sort the rows on the way in with data.sort = true (erazoo shard --sort)",
        )


class ShardError(DataError):
    """A shard set that is incomplete, damaged or not what its manifest says."""


class StaleDataError(DataError):
    """Data, or results made from data, that have been overtaken."""


class LeakageError(DataError):
    """An operation that would let validation or future data reach training."""


class UnknownModelError(ErazooError, KeyError):
    """A model name that the catalogue does not hold."""

    exit_code = 2


class TrainingError(ErazooError):
    """A model that could not be trained."""


class ArtifactError(DataError):
    """A stored model or result whose checksum or format is wrong."""


class MissingExtraError(ErazooError, ImportError):
    """A library that belongs to an optional environment and is not installed."""

    exit_code = 2


class RemoteError(ErazooError):
    """A remote service that failed or answered with an error."""

    exit_code = 4


class RoundClosedError(RemoteError):
    """The round does not accept submissions now; a later call may succeed."""

    exit_code = 75


class SubmissionRejectedError(RemoteError):
    """The tournament refused a submission."""
