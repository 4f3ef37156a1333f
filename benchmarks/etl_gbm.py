"""Shards into a LightGBM Dataset: peak memory, against the int8 matrix and against LightGBM's own.

Each construction runs in a process of its own, which reports the high-water mark of its resident
memory before and after.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figure import Figure
from benchmarks.measure import python
from erazoo.panel import EraBlock, FeatureSpec
from etl.shards import ShardFormat, ShardSet, ShardWriter

FEATURES, TARGETS, ERA_ROWS = 740, 40, 5_000
OPTIONS = {"force_col_wise": True, "feature_pre_filter": False, "deterministic": True}
MB = 1e6


def figures(quick: bool) -> Iterator[Figure]:
    """Peak memory and time of a constructed Dataset."""
    rows, times = (50_000, 1) if quick else (1_000_000, 3)
    matrix = rows * FEATURES / MB
    facts = {"rows": rows, "features": FEATURES, "targets": TARGETS, "threads": "one a core"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, rows)
        runs = [(_apart("shards", folder), _apart("matrix", folder)) for _ in range(times)]
    ours, plain = [run[0] for run in runs], [run[1] for run in runs]
    above = max(run["peak_mb"] - run["imports_mb"] for run in ours)
    whole = max(run["peak_mb"] for run in ours)
    least = min(run["peak_mb"] - run["imports_mb"] for run in plain)
    seconds = [sorted(run["seconds"] for run in side)[times // 2] for side in (ours, plain)]
    said = "LightGBM Dataset from shards"
    yield Figure(
        f"{said}, peak against the int8 matrix", above, matrix, "MB", "<= 1.6", facts=facts
    )
    yield Figure(f"{said}, peak with imports, against it", whole, matrix, "MB", facts=facts)
    yield Figure(f"{said}, peak against LightGBM on a matrix", above, least, "MB", facts=facts)
    yield Figure(f"{said}, time against LightGBM on a matrix", *seconds, "s", facts=facts)


def write(folder: Path, rows: int) -> None:
    """Shards of uniform quintiles with one weak signal."""
    eras = [f"{number:04d}" for number in range(1, rows // ERA_ROWS + 1)]
    spec = FeatureSpec(tuple(f"feature_{j:04d}" for j in range(FEATURES)))
    targets = tuple(f"target_{k:02d}_20" for k in range(TARGETS))
    writer = ShardWriter(
        folder,
        ShardFormat(spec, targets),
        split_of=dict.fromkeys(eras, "train"),
        rows_of=dict.fromkeys(eras, ERA_ROWS),
        key="benchmark",
    )
    with writer:
        writer.write(_block(era) for era in eras)


def _block(era: str) -> EraBlock:
    rng = np.random.default_rng(int(era))
    features = rng.integers(0, 5, (ERA_ROWS, FEATURES), dtype=np.int8)
    targets = rng.integers(0, 5, (ERA_ROWS, TARGETS)).astype(np.float32) / 4
    targets[:, 0] += features[:, 0] / 40
    ids = np.array([f"n{era}{row:011x}" for row in range(ERA_ROWS)], dtype=object)
    return EraBlock(era, ids, features, targets, np.empty((ERA_ROWS, 0), np.float32))


def _apart(way: str, folder: Path) -> dict[str, Any]:
    return dict(python("-m", "benchmarks.etl_gbm", way, folder).json())


def _construct(way: str, folder: Path) -> dict[str, float]:
    """Construct a Dataset from the shards, or from a matrix as LightGBM is commonly given one."""
    import lightgbm

    from etl.shards import sequence  # noqa: F401

    imports, begun = _peak_mb(), time.perf_counter()
    shards = ShardSet.open(folder)
    if way == "shards":
        made = shards.to_lightgbm(target=shards.targets[0]).dataset(OPTIONS)
    else:
        features, labels = shards.to_numpy()
        made = lightgbm.Dataset(features, labels.targets[:, 0].copy(), params=OPTIONS).construct()
    seconds = time.perf_counter() - begun
    assert made.num_data() == shards.manifest.rows
    return {"imports_mb": imports, "peak_mb": _peak_mb(), "seconds": seconds}


def _peak_mb() -> float:
    """The high-water mark of this process alone; `ru_maxrss` would start from its parent's."""
    status = Path("/proc/self/status").read_text()
    return float(status.split("VmHWM:")[1].split()[0]) * 1024 / MB


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_construct(sys.argv[1], Path(sys.argv[2]))) + "\n")
