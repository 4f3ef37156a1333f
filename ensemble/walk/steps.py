"""What a walk has lived through: a file an era, written when the era is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.moments import Table
from erazoo.errors import ArtifactError
from erazoo.publish import atomic_file, make_dir, read_json, sweep, write_json

KEY, STEPS = "key.json", "steps"
Columns = NDArray[np.float32]


@dataclass(frozen=True)
class Step:
    """One era of a walk; M models, r rows, R eras that were resolved since the era before.

    Args:
        predictions: (M, r) of the models as they were.
        static: (M, r) of the models as they were first fitted.
        blend: (r,).
        weights: (M,) of the models, NaN where the method has none.
        gram: (M, M) covariances of the models' ranks.
        resolved: (4, R, M) signal, scores, contribution and meta of the resolved eras.
    """

    predictions: Columns
    static: Columns
    blend: Columns
    weights: Table
    gram: NDArray[np.float32]
    resolved: Table

    def save(self, path: Path) -> None:
        """Write it atomically."""
        arrays: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        with atomic_file(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **arrays)

    @classmethod
    def load(cls, path: Path) -> Step:
        """Read it back, every bit.

        Raises:
            ArtifactError: the file is damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(*(stored[f.name] for f in fields(cls)))
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise ArtifactError(
                "a step of a walk is damaged",
                received=f"{path} ({error})",
                hint="Run `erazoo ensemble --walk --force`",
            ) from error


class Steps:
    """The steps of a walk in a folder.

    What another walk left there is removed.

    Args:
        folder: of the walk's state.
        key: what the walk depends on.
        eras: (E,) that are walked.
    """

    def __init__(self, folder: Path, key: str, eras: Sequence[str]) -> None:
        self._folder, self._eras = folder, tuple(eras)
        if not _stands(folder, key):
            shutil.rmtree(folder, ignore_errors=True)
            write_json(make_dir(folder) / KEY, {"key": key})
        sweep(make_dir(folder / STEPS))

    @property
    def done(self) -> int:
        """How many eras are done; they come first."""
        places = range(len(self._eras))
        return next((k for k in places if not self._path(k).is_file()), len(self._eras))

    def save(self, place: int, step: Step) -> None:
        """The era at a place is done."""
        step.save(self._path(place))

    def load(self, last: int) -> Iterator[Step]:
        """The steps of the eras before a place, in order."""
        for place in range(last):
            yield Step.load(self._path(place))

    def _path(self, place: int) -> Path:
        return self._folder / STEPS / f"{self._eras[place]}.npz"


def _stands(folder: Path, key: str) -> bool:
    """Whether a folder holds the state of this very walk."""
    try:
        return bool(read_json(folder / KEY)["key"] == key)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return False
