"""Models of scikit-learn as files that hold no code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from erazoo.errors import ArtifactError
from erazoo.publish import atomic_file

TREES = (
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""Types of trees beyond skops's own list; bytes are checked against their card before they load."""


def write_skops(path: Path, model: Any) -> None:
    """Write a fitted model of scikit-learn by skops."""
    from skops import io

    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        stream.write(io.dumps(model))


def read_skops(path: Path, trusted: Sequence[str] = TREES) -> Any:
    """Read what `write_skops` wrote.

    Args:
        path: of the file.
        trusted: types that it may hold beside those that skops itself trusts.

    Raises:
        ArtifactError: the file is missing, damaged, or holds other types.
    """
    from skops import io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return io.load(path, trusted=list(trusted))
    except (OSError, ValueError, KeyError, BadZipFile, UntrustedTypesFoundException) as error:
        raise ArtifactError(
            "a saved model cannot be read",
            received=f"{path} ({error})",
            hint="Train the model again",
        ) from error
