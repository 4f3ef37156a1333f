"""Rows to an H2O server: a parquet file that it reads itself, against a pandas frame pushed to it.

Both sides end with the same frame, whose dimensions and means are compared. They are measured in
turn on one server, which has taken each of them once before: Java is slow until it is warm. The
first rows of a new server are a figure of their own, a server a measurement.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figure import Figure
from benchmarks.measure import alternate
from erazoo.machine import cores
from erazoo.panel import EraBlock, FeatureSpec
from etl.shards import ShardFormat, ShardSet, ShardWriter
from training.h2o.rows import TARGET, write_rows
from training.h2o.server import H2OServer

ERA_ROWS, MEMORY_MB = 5_000, 2_048
LABEL = "target_benchmark_20"


def figures(quick: bool) -> Iterator[Figure]:
    """Import of a table, also with the time to write it from shards, and on a new server."""
    rows, width, times = (20_000, 50, 1) if quick else (200_000, 300, 3)
    facts = {"rows": rows, "features": width, "threads": cores(), "heap_mb": MEMORY_MB}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = _shards(folder / "shards", rows, width)
        begun = time.perf_counter()
        path = write_rows(data, data.eras(), LABEL, folder / "rows.parquet").path
        writing = time.perf_counter() - begun
        sides = Sides(folder, path, data)
        warm, cold = sides.warm(times), sides.cold(times)
    said = "H2O import of parquet against H2OFrame(pandas)"
    yield Figure(said, *warm, "s", ">= 5", inverse=True, facts=facts)
    ours = (warm[0] + writing, warm[1])
    yield Figure(f"{said}, with the writing from shards", *ours, "s", inverse=True, facts=facts)
    yield Figure(f"{said}, first rows of a server", *cold, "s", inverse=True, facts=facts)


@dataclass
class Sides:
    """Both ways to a frame on a server, in seconds.

    Args:
        folder: for servers.
        path: of the rows as parquet.
        data: the same rows as shards, which become the pandas frame.
    """

    folder: Path
    path: Path
    data: ShardSet

    def __post_init__(self) -> None:
        import pandas as pd

        features, labels = self.data.to_numpy()
        self.frame = pd.DataFrame(features, columns=list(self.data.spec.names))
        self.frame[TARGET] = labels.targets[:, 0]
        self.means = self.frame.mean().to_numpy()

    def warm(self, times: int) -> tuple[float, float]:
        """Medians on a server that has taken both before."""
        with self._server() as server, server.working():
            self._parquet(), self._pushed()
            return alternate(self._parquet, self._pushed, times)

    def cold(self, times: int) -> tuple[float, float]:
        """Medians of what a new server takes first."""

        def on_a_new_one(side: Callable[[], float]) -> float:
            with self._server() as server, server.working():
                return side()

        return alternate(
            lambda: on_a_new_one(self._parquet), lambda: on_a_new_one(self._pushed), times
        )

    def _server(self) -> H2OServer:
        return H2OServer(self.folder / "server", self.folder / "log", MEMORY_MB, cores())

    def _parquet(self) -> float:
        import h2o

        return self._timed(lambda: h2o.import_file(str(self.path)))

    def _pushed(self) -> float:
        import h2o

        return self._timed(lambda: h2o.H2OFrame(self.frame))

    def _timed(self, make: Callable[[], Any]) -> float:
        import h2o

        begun = time.perf_counter()
        made = make()
        seconds = time.perf_counter() - begun
        assert made.dim == list(self.frame.shape)
        assert np.allclose(made.mean(), self.means)
        h2o.remove_all()
        return seconds


def _shards(folder: Path, rows: int, width: int) -> ShardSet:
    eras = [f"{number:04d}" for number in range(1, rows // ERA_ROWS + 1)]
    writer = ShardWriter(
        folder,
        ShardFormat(FeatureSpec(tuple(f"feature_{j:03d}" for j in range(width))), (LABEL,)),
        split_of=dict.fromkeys(eras, "train"),
        rows_of=dict.fromkeys(eras, ERA_ROWS),
        key="benchmark",
    )
    with writer:
        writer.write(_block(era, width) for era in eras)
    return ShardSet.open(folder)


def _block(era: str, width: int) -> EraBlock:
    rng = np.random.default_rng(int(era))
    features = rng.integers(0, 5, (ERA_ROWS, width), dtype=np.int8)
    targets = rng.integers(0, 5, (ERA_ROWS, 1)).astype(np.float32) / 4
    ids = np.array([f"n{era}{row:011x}" for row in range(ERA_ROWS)], dtype=object)
    return EraBlock(era, ids, features, targets, np.empty((ERA_ROWS, 0), np.float32))
