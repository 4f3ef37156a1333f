"""LightGBM and XGBoost from shards against the same fit from a pandas frame of float32.

Load, bin and 50 trees, each side in a process of its own, in turn. The frame is read from Parquet
as Numerai publishes it (int8) and cast, which takes less than a file of float32 would. Peak memory
is the process's own high-water mark, imports included. Parameters, threads, the histogram layout
and LightGBM's sample for bins are the same on both sides.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.etl_gbm import FEATURES, MB, write
from benchmarks.figure import Figure
from benchmarks.measure import python
from etl.shards import ShardSet

TREES, THREADS, SAMPLE = 50, 2, 20_000
GOALS = {"lightgbm": (0.25, 0.8), "xgboost": (0.30, 0.9)}
NAMES = {"lightgbm": "LightGBM", "xgboost": "XGBoost"}
OPTIONS: dict[str, Any] = {
    "n_estimators": TREES,
    "learning_rate": 0.05,
    "max_depth": 5,
    "colsample_bytree": 0.1,
    "device": "cpu",
}
FRAME, TARGET = "frame.parquet", "target_00_20"


def figures(quick: bool) -> Iterator[Figure]:
    """Peak memory, wall time and agreement of both libraries."""
    rows, times = (50_000, 1) if quick else (500_000, 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "shards", rows)
        _write_frame(folder)
        for library in GOALS:
            yield from _library(library, folder, rows, times)


def _library(library: str, folder: Path, rows: int, times: int) -> Iterator[Figure]:
    sides: dict[str, list[dict[str, float]]] = {"shards": [], "frame": []}
    for _ in range(times):
        for side, runs in sides.items():
            runs.append(dict(python("-m", "benchmarks.boosting", library, side, folder).json()))
    facts = {"rows": rows, "features": FEATURES, "trees": TREES, "threads": THREADS, "processes": 1}
    title, (memory, wall) = f"{NAMES[library]} from shards", GOALS[library]
    peaks = [max(run["peak_mb"] for run in sides["shards"])]
    peaks.append(min(run["peak_mb"] for run in sides["frame"]))
    seconds = [statistics.median(run["seconds"] for run in runs) for runs in sides.values()]
    yield Figure(f"{title}, peak memory", *peaks, "MB", f"<= {memory}", facts=facts)
    yield Figure(f"{title}, load + bin + trees", *seconds, "s", f"<= {wall}", facts=facts)
    found = [np.load(folder / f"{library}.{side}.npy") for side in sides]
    apart = float(np.abs(found[0] - found[1]).max())
    goal = "<= 1" if library == "lightgbm" else "none"
    yield Figure(f"{title}, predictions apart by at most", apart, 1e-6, "", goal, facts=facts)


def _write_frame(folder: Path) -> None:
    """The same rows as Parquet: int8 features and one target."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shards = ShardSet.open(folder / "shards")
    writer: Any = None
    for block in shards.blocks():
        columns = {name: block.features[:, j] for j, name in enumerate(shards.spec.names)}
        table = pa.table({**columns, TARGET: block.targets[:, 0]})
        writer = writer or pq.ParquetWriter(folder / FRAME, table.schema)
        writer.write_table(table)
    writer.close()


def _fit(library: str, side: str, folder: Path) -> dict[str, float]:
    """Fit one side and keep its predictions for an era."""
    if library == "lightgbm":
        import lightgbm  # noqa: F401
    else:
        import xgboost  # noqa: F401
    import pandas as pd  # noqa: F401

    begun = time.perf_counter()
    fit = _from_shards if side == "shards" else _from_frame
    predict = fit(library, folder)
    seconds = time.perf_counter() - begun
    peak = _peak_mb()
    era = next(ShardSet.open(folder / "shards").blocks())
    np.save(folder / f"{library}.{side}.npy", predict(era.features))
    return {"seconds": seconds, "peak_mb": peak}


def _from_shards(library: str, folder: Path) -> Any:
    from zoo import catalogue
    from zoo.estimator import Fit

    shards, spec = ShardSet.open(folder / "shards"), catalogue.get(library)
    model = spec.build(catalogue.resolve(spec, "", OPTIONS), shards.spec)
    model.fit(shards, Fit(shards.eras(), TARGET, seed=1, threads=THREADS))
    return model.predict


def _from_frame(library: str, folder: Path) -> Any:
    import pandas as pd

    frame = pd.read_parquet(folder / FRAME)
    target = frame.pop(TARGET)
    frame = frame.astype("float32")
    return _lightgbm(frame, target) if library == "lightgbm" else _xgboost(frame, target)


def _lightgbm(frame: Any, target: Any) -> Any:
    import lightgbm

    model = lightgbm.train(
        {
            "objective": "regression",
            "learning_rate": OPTIONS["learning_rate"],
            "max_depth": OPTIONS["max_depth"],
            "num_leaves": 31,
            "feature_fraction": OPTIONS["colsample_bytree"],
            "bin_construct_sample_cnt": SAMPLE,
            "feature_pre_filter": False,
            "force_col_wise": True,
            "deterministic": True,
            "seed": 1,
            "num_threads": THREADS,
            "verbosity": -1,
        },
        lightgbm.Dataset(frame, target),
        TREES,
    )
    return lambda features: model.predict(features.astype(np.float32))


def _xgboost(frame: Any, target: Any) -> Any:
    import xgboost

    options = {
        "tree_method": "hist",
        "learning_rate": OPTIONS["learning_rate"],
        "max_depth": OPTIONS["max_depth"],
        "colsample_bytree": OPTIONS["colsample_bytree"],
        "max_bin": 256,
        "seed": 1,
        "nthread": THREADS,
    }
    matrix = xgboost.DMatrix(frame, target, nthread=THREADS)
    model = xgboost.train(options, matrix, TREES)
    names = list(frame.columns)
    return lambda features: model.predict(
        xgboost.DMatrix(features.astype(np.float32), feature_names=names)
    )


def _peak_mb() -> float:
    """The high-water mark of this process alone; `ru_maxrss` would start from its parent's."""
    status = Path("/proc/self/status").read_text()
    return float(status.split("VmHWM:")[1].split()[0]) * 1024 / MB


if __name__ == "__main__":
    answer = _fit(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    sys.stdout.write(json.dumps(answer) + "\n")
