"""The trainer of H2O's models: rows to a server, a MOJO back."""

from __future__ import annotations

import csv
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from erazoo.errors import TrainingError
from erazoo.java import find_java
from erazoo.machine import cores
from erazoo.panel import FeatureSpec
from erazoo.publish import atomic_file, make_dir, write_json
from etl.inner_folds import purged_folds
from etl.shards import ShardSet
from training.h2o.kept import server_for
from training.h2o.mojo import MODEL, ServedAsMojo
from training.h2o.rows import FOLD, TARGET, WEIGHT, Written, write_rows
from training.h2o.server import H2OServer
from training.task import STATE, FitResult, FoldTask
from zoo.catalogue import ModelSpec, Params
from zoo.h2o.learner import Frames, H2OParams, Learned
from zoo.h2o.validated import FoldedParams

LOG = "h2o.log"
LEADERBOARD = "leaderboard"


class H2OTrainer(ServedAsMojo):
    """Writes rows as parquet, has a local server learn from them, and keeps its best as a MOJO.

    In the folder of the fit stay `model.zip`, `h2o.log`, and where several models were tried
    `leaderboard.csv` and `leaderboard.json`.
    """

    def fit(
        self, spec: ModelSpec, params: Params, data: ShardSet, task: FoldTask, folder: Path
    ) -> FitResult:
        """Fit on a server, see `training.h2o.kept`; the rows written for it are gone afterwards.

        Raises:
            MissingExtraError: there is no Java or no h2o.
            TrainingError: no row counts, H2O refused the fit, or the server ended in the middle.
        """
        find_java()
        params = cast("H2OParams", params)
        begun, work = time.monotonic(), make_dir(folder / STATE / "rows")
        try:
            files = written(data, params, task, work)
            threads = task.settings.threads or cores()
            place = folder / STATE / "server"
            with server_for(place, folder / LOG, params.memory_mb, threads) as server:
                learned = _learn(server, spec, params, data.spec, task, files, folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        if learned.leaderboard:
            write_leaderboard(folder, learned.leaderboard)
        seconds = time.monotonic() - begun
        return FitResult(dict(learned.history), learned.length, learned.value, seconds)


def written(
    data: ShardSet, params: H2OParams, task: FoldTask, folder: Path
) -> tuple[Written, Written | None]:
    """The rows of a fit, and those that it watches, as files in a folder.

    Raises:
        LeakageError: the eras are too few for folds within them.
        TrainingError: no row counts.
    """
    watched = task.monitor if params.watches else ()
    eras = task.fit if watched else (*task.fit, *task.monitor)
    if not data.rows(eras, task.target, training=True):
        raise TrainingError("no row has a resolved target", received=task.target)
    folds = None
    if isinstance(params, FoldedParams):
        folds = purged_folds(data.axis, eras, params.folds, task.purge)
    rows = write_rows(data, eras, task.target, folder / "training.parquet", folds)
    if not watched:
        return rows, None
    path = folder / "watched.parquet"
    return rows, write_rows(data, watched, task.target, path, training=False)


def write_leaderboard(folder: Path, board: Sequence[Mapping[str, Any]]) -> None:
    """Write `leaderboard.csv` and `leaderboard.json`: a row a model, the best first."""
    rows = [
        {
            name: None if isinstance(v, float) and not math.isfinite(v) else v
            for name, v in r.items()
        }
        for r in board
    ]
    with (
        atomic_file(folder / f"{LEADERBOARD}.csv") as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    write_json(folder / f"{LEADERBOARD}.json", rows)


def _learn(
    server: H2OServer,
    spec: ModelSpec,
    params: H2OParams,
    features: FeatureSpec,
    task: FoldTask,
    files: tuple[Written, Written | None],
    folder: Path,
) -> Learned:
    """Import the files, train and export; the server then holds nothing of it."""
    training, watched = files
    with server.working():
        import h2o

        try:
            frames = Frames(
                h2o.import_file(str(training.path)),
                None if watched is None else h2o.import_file(str(watched.path)),
                features.names,
                TARGET,
                WEIGHT if training.weighted else None,
                FOLD if training.folds else None,
            )
            learned: Learned = spec.build(params, features, task.seed, task.length).learn(frames)
            _export(learned.model, folder)
        finally:
            h2o.remove_all()
    return learned


def _export(model: Any, folder: Path) -> None:
    with atomic_file(folder / MODEL) as temporary:
        model.save_mojo(str(temporary.parent), force=True, filename=temporary.name)
