"""The trainer of Sparkling Water: files to an environment of its own, a MOJO back."""

from __future__ import annotations

import secrets
import shutil
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq

from erazoo.checkout import CHECKOUT
from erazoo.errors import MissingExtraError, TrainingError
from erazoo.guarded import Guarded
from erazoo.java import find_java
from erazoo.machine import cores
from erazoo.panel import FeatureSpec
from erazoo.publish import atomic_file, make_dir, read_json, write_json
from etl.shards import ShardSet
from training.h2o.mojo import MODEL, Mojo, ServedAsMojo
from training.h2o.rows import FOLD, TARGET, WEIGHT
from training.h2o.server import past_proxies, write_login
from training.h2o.trainer import write_leaderboard, written
from training.task import STATE, FitResult, FoldTask
from zoo.catalogue import ModelSpec, Params
from zoo.h2o.sparkling import SparklingParams

ENVIRONMENT = ".venv-sparkling"
DRIVER = Path(__file__).with_name("sparkling_driver.py")
LOG = "spark.log"
CHECKED_ROWS, TOLERANCE = 1_000, 1e-4


class SparklingTrainer(ServedAsMojo):
    """Writes rows as parquet, has Spark learn from them, and keeps the best as a MOJO.

    In the folder of the fit stay `model.zip`, `leaderboard.csv`, `leaderboard.json` and
    `spark.log`.

    Args:
        checkout: the folder that holds the environment.
    """

    def __init__(self, checkout: Path = CHECKOUT) -> None:
        self._python = checkout / ENVIRONMENT / "bin" / "python"

    def fit(
        self, spec: ModelSpec, params: Params, data: ShardSet, task: FoldTask, folder: Path
    ) -> FitResult:
        """Fit on Spark; its process is gone afterwards, and the rows written for it too.

        Raises:
            MissingExtraError: the environment of Sparkling Water, or Java, is not there.
            TrainingError: no row counts, or Spark failed or was ended in the middle.
        """
        params = cast("SparklingParams", params)
        begun, work = time.monotonic(), make_dir(folder / STATE / "spark").absolute()
        java = self._java()
        try:
            rows, _ = written(data, params, task, work)
            order = {
                **spec.build(params, data.spec, task.seed).order(task.settings.threads or cores()),
                **_login(work),
                "folder": str(work),
                "training": str(rows.path),
                "target": TARGET,
                "weights": WEIGHT if rows.weighted else None,
                "folds": FOLD,
                "checked": min(CHECKED_ROWS, rows.rows),
            }
            write_json(work / "order.json", order)
            self._drive(java, work, folder / LOG)
            self._keep(work, folder, Mojo(work / MODEL, data.spec, params.memory_mb))
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return FitResult({}, None, None, time.monotonic() - begun)

    def _java(self) -> Path:
        """The home of a Java.

        Raises:
            MissingExtraError: it, or the environment, is not there.
        """
        if not self._python.exists():
            raise MissingExtraError(
                "Sparkling Water has an environment of its own, which is not there",
                received=str(self._python.parents[1]),
                hint="Run: bash shell/prepare_sparkling.sh",
            )
        return find_java().home

    def _drive(self, java: Path, work: Path, log: Path) -> None:
        words: list[str | Path] = [self._python, "-I", DRIVER, work / "order.json"]
        variables = {"JAVA_HOME": str(java), **past_proxies()}
        with Guarded(words, log, variables) as program:
            program.wait()
            end, code = program.end, program.code
        if code:
            failure = work / "failure.json"
            reason = read_json(failure)["reason"] if failure.is_file() else None
            raise TrainingError(f"the Spark driver {end}", received=reason, hint=f"See {log}")

    def _keep(self, work: Path, folder: Path, mojo: Mojo) -> None:
        """Move what the driver left into the folder of the fit, once the MOJO is checked.

        Raises:
            TrainingError: it predicts otherwise than on Spark.
        """
        table = pq.read_table(work / "predictions.parquet")
        features = _matrix(table, mojo.features)
        theirs = table.column("predict").to_numpy().astype(np.float64)
        ours = mojo(features)
        mojo.close()
        most = float(np.abs(ours - theirs).max())
        if not most <= TOLERANCE:
            raise TrainingError(
                "the MOJO predicts otherwise than its model on Spark", received=f"{most:.2g} apart"
            )
        write_leaderboard(folder, read_json(work / "board.json"))
        with atomic_file(folder / MODEL) as temporary:
            shutil.copyfile(work / MODEL, temporary)


def _matrix(table: Any, features: FeatureSpec) -> Any:
    """Features (n, F) of the stored type; a null is the code, or the NaN, of a missing value."""
    columns = []
    for name in features.names:
        values = table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
        if features.dtype == np.int8:
            values = np.where(np.isnan(values), features.missing or 0, values)
        columns.append(values.astype(features.dtype))
    return np.stack(columns, axis=1)


def _login(folder: Path) -> dict[str, str]:
    """A name and a password for H2O inside Spark, for this fit alone.

    The password stands in a file that nobody else may read, and in no other.
    """
    realm = write_login(folder / "realm", secrets.token_hex(16))
    return {"realm": str(realm), "name": f"erazoo-{secrets.token_hex(8)}"}
