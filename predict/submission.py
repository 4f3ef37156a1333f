"""Submissions: predictions that must meet a tournament's rules, and the file that does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError, SchemaError
from erazoo.publish import atomic_file, sha256
from erazoo.tournament import CRYPTO, Tournament
from predict.columns import Predictions, file_format, id_and_prediction, read_table, write_table
from predict.rules import broken_rules, described

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CheckedFile:
    """A submission file that has passed every check as it lies on the disk.

    Args:
        path: the file.
        rows: predictions in it.
        sha256: its checksum.
        checks: what was checked, in words.
    """

    path: Path
    rows: int
    sha256: str
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Submission:
    """Predictions of one model for one round.

    Args:
        tournament: whose rules apply.
        round: the round's number, None where there is no service or it is not known yet.
        model: the model slot, or the name of what predicted.
        predictions: a frame or table of exactly the tournament's two columns (the id may be the
            frame's index), a series of predictions by id, or a pair (ids, values).
    """

    tournament: Tournament
    round: int | None
    model: str
    predictions: Predictions

    @cached_property
    def columns(self) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
        """Ids and predictions, both of shape (rows,).

        Raises:
            SchemaError: wrong columns, or predictions that are not numbers.
        """
        return id_and_prediction(self.predictions, self.tournament)

    def validate(self, universe: Sequence[str]) -> None:
        """Check the tournament's rules.

        Args:
            universe: the live ids (Classic) or the live symbols (Crypto).

        Raises:
            SchemaError: every rule that is broken, in words, with counts and examples.
        """
        problems = broken_rules(*self.columns, universe, self.tournament)
        if problems:
            raise SchemaError(
                f"the predictions of {self.model} break the submission rules",
                received="; ".join(problems),
                hint="The live file and the predictions must be of the same round",
            )

    def write(self, path: Path, universe: Sequence[str]) -> CheckedFile:
        """Validate, write as CSV or parquet by suffix, and check the file as written.

        The file gives back the very same numbers: distinct predictions stay distinct.

        Raises:
            ConfigError: the suffix is neither .csv nor .parquet.
            SchemaError: a rule is broken; an older file stays as it was.
        """
        file_format(path)
        self.validate(universe)
        ids, values = self.columns
        with atomic_file(path) as temporary:
            write_table(temporary, self.tournament, ids, values)
            read = _read_checked(temporary, self.tournament, self.model, universe)
            if not all(map(np.array_equal, read.columns, self.columns)):
                raise SchemaError(
                    "a submission file does not give back what was written", received=path
                )
        return _checked(path, read, universe)


def check_file(path: Path, tournament: Tournament, universe: Sequence[str]) -> CheckedFile:
    """Check a submission file at rest, by our rules and by numerai_tools.

    Raises:
        ConfigError: there is no such file, or its suffix is neither .csv nor .parquet.
        SchemaError: the file cannot be read or breaks a rule.
    """
    if not path.is_file():
        raise ConfigError(
            "there is no submission file", received=path, hint="Write one with `erazoo predict`"
        )
    return _checked(path, _read_checked(path, tournament, path.name, universe), universe)


def _read_checked(
    path: Path, tournament: Tournament, model: str, universe: Sequence[str]
) -> Submission:
    frame = read_table(path, tournament)
    submission = Submission(tournament, None, model, frame)
    submission.validate(universe)
    _check_officially(frame, tournament, universe)
    return submission


def _check_officially(frame: pd.DataFrame, tournament: Tournament, universe: Sequence[str]) -> None:
    import pandas as pd
    from numerai_tools.submissions import validate_submission_crypto, validate_submission_numerai

    live = pd.Series(list(universe), dtype=object, name=tournament.id_column)
    try:
        if tournament == CRYPTO:
            validate_submission_crypto(live.to_frame(), frame)
        else:
            validate_submission_numerai(live, frame)
    except AssertionError as refused:
        raise SchemaError("numerai_tools refuses the submission", received=refused) from None


def _checked(path: Path, read: Submission, universe: Sequence[str]) -> CheckedFile:
    values = read.columns[1]
    checks = described(values, universe, read.tournament)
    official = f"accepted by numerai_tools {version('numerai-tools')}"
    return CheckedFile(path, len(values), sha256(path), (*checks, official))
