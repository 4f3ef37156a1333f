"""The records of best epochs, as anyone may read them without keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from erazoo.errors import ArtifactError
from erazoo.publish import read_json

RECORD = "best_epoch.json"
FOLDS = "folds"


def best_epochs(folder: Path) -> dict[str, dict[str, Any]]:
    """The best epoch of every fit of a model, finished ones and those that still run.

    Args:
        folder: of the model in its run, which holds `folds/`.

    Returns:
        By fit, its path below `folds/`: `epoch` (from 1), `monitor`, `higher_is_better`, `value`,
        `weights`, the name of the file beside the record, and `history`, a list a metric.
    """
    paths = sorted((folder / FOLDS).rglob(RECORD))
    return {path.parent.relative_to(folder / FOLDS).as_posix(): _read(path) for path in paths}


def best_weights(folder: Path, fit: str) -> Path:
    """The file with the weights of a fit's best epoch.

    Raises:
        ArtifactError: the fit has no best epoch, or its weights are gone.
    """
    record = folder / FOLDS / fit / RECORD
    if not record.is_file():
        raise ArtifactError("the fit has no best epoch", received=str(record.parent))
    weights = record.with_name(str(_read(record)["weights"]))
    if not weights.is_file():
        raise ArtifactError("the weights of the best epoch are gone", received=str(weights))
    return weights


def _read(path: Path) -> dict[str, Any]:
    try:
        record = read_json(path)
        return {key: record[key] for key in ("epoch", "monitor", "higher_is_better", "value")} | {
            "weights": record["weights"],
            "history": record["history"],
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            "a record of a best epoch cannot be read",
            received=f"{path} ({type(error).__name__}: {error})",
            hint="Train the model again",
        ) from None
