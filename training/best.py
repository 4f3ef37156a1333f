"""The best epochs of a run's networks: told, and copied out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from erazoo.artefacts import CARD, open_sealed
from erazoo.errors import DataError
from erazoo.publish import atomic_dir
from erazoo.rundir import RunDir
from training.fit import BEGUN
from training.job import model_dir
from training.keras.record import RECORD, best_epochs, best_weights


def best_fits(run: RunDir, names: Sequence[str]) -> list[dict[str, Any]]:
    """The best epoch of every fit of some models, also of fits that still run.

    Returns:
        For each fit `model`, `fold`, `member` (empty where a fold has one fit), `seed` and
        `target` (None until it is finished), `epoch`, `monitor`, `value`, `finished`, and its
        `folder` in the run directory.

    Raises:
        DataError: there is none.
        ArtifactError: a record or a finished fit is damaged.
    """
    found = [
        _told(run, name, fit, record)
        for name in names
        for fit, record in best_epochs(model_dir(run, name)).items()
    ]
    if not found:
        raise DataError(
            "no fit has a best epoch",
            received=", ".join(names),
            expected="networks that are trained, or have ended an epoch",
            hint="Run `erazoo train`",
        )
    return found


def export_best(run: RunDir, fits: Sequence[dict[str, Any]], to: Path) -> None:
    """Copy best epochs to `to/MODEL/FOLD[/MEMBER]`, each as a whole.

    A finished fit is copied as the sealed folder that it is, with `model.keras` and its card; of
    one that still runs, the record and the weights.
    """
    for fit in fits:
        source = run.path(fit["folder"])
        with atomic_dir(to / fit["model"] / fit["fold"] / fit["member"]) as work:
            if fit["finished"]:
                shutil.copytree(source, work, dirs_exist_ok=True)
                continue
            name = "/".join(part for part in (fit["fold"], fit["member"]) if part)
            for path in (source / RECORD, best_weights(model_dir(run, fit["model"]), name)):
                shutil.copy2(path, work)


def _told(run: RunDir, name: str, fit: str, record: dict[str, Any]) -> dict[str, Any]:
    folder = model_dir(run, name) / "folds" / fit
    fold, _, member = fit.partition("/")
    sealed = (folder / CARD).is_file() and not (folder / BEGUN).exists()
    card = open_sealed(folder) if sealed else {"seeds": [None], "learns": [None]}
    return {
        "model": name,
        "fold": fold,
        "member": member,
        "seed": card["seeds"][0],
        "target": card["learns"][0],
        "epoch": record["epoch"],
        "monitor": record["monitor"],
        "value": record["value"],
        "finished": sealed,
        "folder": folder.relative_to(run.root).as_posix(),
    }
