"""Reading shards by tf.data: speed against common ways, mixing of eras, and memory.

Each side is a process of its own that imports and warms up first; then they read in turn.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.etl_write import FEATURES, TARGETS, panel
from benchmarks.figure import Figure
from benchmarks.measure import Answering, alternate, baseline_file, python
from erazoo.panel import EraBlock, FeatureSpec
from etl.shards import ShardFormat, ShardSet, ShardWriter
from etl.shards.reader import SHUFFLE_BLOCKS

TARGET = "target_effect_20"
ERA_ROWS, BATCH, ROUNDS = 5_000, 4_096, 5
WINDOWS = (4, 16, 64, 256)
NARROW = 740
MB = 1e6


def figures(quick: bool) -> Iterator[Figure]:
    """Rows a second against one Example a row and against memory, mixing, and memory held."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        yield from _against_rows(work, 4_000 if quick else 20_000)
        eras = {NARROW: 8 if quick else 120, FEATURES: 4 if quick else 40}
        for features, goal in ((NARROW, ">= 5"), (FEATURES, ">= 1")):
            write(work / str(features), features, eras[features])
            yield _against_memory(work / str(features), features, eras[features], goal)
        yield from _mixing(work / str(NARROW))
        yield _memory(work / str(FEATURES), 2 if quick else 20)


def _against_rows(work: Path, rows: int) -> Iterator[Figure]:
    """All targets on both sides, ten passes of ours for one of the baseline's."""
    parquet, plain = panel(work / "rows.parquet", rows, 8), work / "rows.tfrecord"
    python(baseline_file("etl_rows.py"), parquet, plain)
    facts = {"rows": rows, "features": FEATURES, "targets": TARGETS, "batch": 1024, "passes": 10}
    for codec, stays, goal in (("raw", "", ">= 15"), ("packed", "", ""), ("packed", "packed", "")):
        folder = work / codec
        if not folder.exists():
            python("-m", "benchmarks.etl_write", parquet, folder, codec)
        with ExitStack() as stack:
            ours = stack.enter_context(
                Answering("benchmarks.etl_read", "shards", folder, 1024, 10, "every", stays)
            )
            theirs = stack.enter_context(
                Answering("benchmarks.etl_read", "rows", plain, FEATURES, TARGETS)
            )
            speeds = alternate(ours.ask, theirs.ask, ROUNDS)
        kept = " and left packed" if stays else ""
        name = f"read shuffled, {codec}{kept}, against an Example a row"
        yield Figure(name, *speeds, "rows/s", goal or "none", facts=facts)


def _against_memory(folder: Path, features: int, eras: int, goal: str) -> Figure:
    """`from_tensor_slices(...).shuffle(n).batch(b)` over the same rows."""
    with ExitStack() as stack:
        ours = stack.enter_context(
            Answering("benchmarks.etl_read", "shards", folder, BATCH, 2, "", "")
        )
        theirs = stack.enter_context(Answering("benchmarks.etl_read", "memory", folder, BATCH))
        speeds = alternate(ours.ask, theirs.ask, ROUNDS)
    facts = {"rows": eras * ERA_ROWS, "features": features, "targets": 1, "batch": BATCH}
    name = f"read shuffled, {features} features, against a shuffle in memory"
    return Figure(name, *speeds, "rows/s", goal, facts=facts)


def _mixing(folder: Path) -> Iterator[Figure]:
    """The deviation of batch means of an effect of the era, relative to independent draws."""
    curve = python("-m", "benchmarks.etl_read", "curve", folder, str(BATCH)).json()
    unit, full = "deviations", curve["full"]
    yield Figure("mixing, rows in order", curve["none"], full, unit, facts={"batch": BATCH})
    for window in WINDOWS:
        mixing, speed = curve[str(window)]
        goal = "<= 16" if window == SHUFFLE_BLOCKS else "none"
        facts = {"batch": BATCH, "shuffle_blocks": window, "rows a second": round(speed)}
        said = f"mixing, {window} open blocks, {speed / 1e6:.2f} M rows/s"
        yield Figure(said, mixing, full, unit, goal, facts=facts)


def _memory(folder: Path, passes: int) -> Figure:
    """What one more block that is mixed takes, from the peaks with few and with many."""
    few, many = 8, SHUFFLE_BLOCKS
    peaks = [
        python("-m", "benchmarks.etl_read", "peak", folder, str(window), str(passes)).json()
        for window in (few, many)
    ]
    block = 1024 * FEATURES / MB
    facts = {"features": FEATURES, "block_rows": 1024, "passes": passes, "peaks": peaks}
    ours = (peaks[1] - peaks[0]) / (many - few)
    return Figure("memory a block that is mixed", ours, block, "MB", "<= 3", facts=facts)


def write(folder: Path, features: int, eras: int) -> None:
    """Shards of uniform quintiles whose target is an effect of the era alone."""
    labels = [f"{number:04d}" for number in range(1, eras + 1)]
    names = tuple(f"feature_{j:04d}" for j in range(features))
    writer = ShardWriter(
        folder,
        ShardFormat(FeatureSpec(names), (TARGET,)),
        split_of=dict.fromkeys(labels, "train"),
        rows_of=dict.fromkeys(labels, ERA_ROWS),
        key="benchmark",
    )
    with writer:
        writer.write(_block(era, features) for era in labels)


def _block(era: str, features: int) -> EraBlock:
    rng = np.random.default_rng(int(era))
    targets = np.full((ERA_ROWS, 1), rng.normal(), np.float32)
    codes = rng.integers(0, 5, (ERA_ROWS, features), dtype=np.int8)
    ids = np.array([f"n{era}{row:011x}" for row in range(ERA_ROWS)], dtype=object)
    return EraBlock(era, ids, codes, targets, np.empty((ERA_ROWS, 0), np.float32))


def _answer(rounds: Iterator[float]) -> None:
    for _ in sys.stdin:
        sys.stdout.write(f"{next(rounds)}\n")
        sys.stdout.flush()


def _rows(path: str, features: str, targets: str) -> Iterator[float]:
    """The plain implementation's own reader."""
    spec = spec_from_file_location("etl_rows", baseline_file("etl_rows.py"))
    assert spec is not None
    assert spec.loader is not None
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    while True:
        seconds, rows = module.read(path, int(features), int(targets))
        yield rows / seconds


def _shards(folder: str, batch: str, passes: str, targets: str, packed: str) -> Iterator[float]:
    """Shuffled, int8 out, as by default."""
    data = ShardSet.open(Path(folder))
    batches = data.to_tf(
        target=data.targets if targets else data.targets[0],
        batch_size=int(batch),
        shuffle=True,
        repeat=int(passes),
        packed=bool(packed),
    )
    while True:
        yield _speed(batches)


def _in_memory(folder: str, batch: str) -> Iterator[float]:
    """The common way: every row an element."""
    import tensorflow as tf

    features, labels = ShardSet.open(Path(folder)).to_numpy()
    rows = tf.data.Dataset.from_tensor_slices((features, labels.targets[:, 0]))
    batches = rows.shuffle(len(features)).batch(int(batch))
    while True:
        yield _speed(batches)


def _speed(batches: Any) -> float:
    begun, rows = time.perf_counter(), 0
    for features, *_ in batches:
        rows += int(features.shape[0])
    return rows / (time.perf_counter() - begun)


def _curve(folder: str, batch: str) -> dict[str, Any]:
    """Mixing without a shuffle and with a full one, and mixing and speed by the open blocks."""
    data, size = ShardSet.open(Path(folder)), int(batch)
    effects = data.labels().targets[:, 0]
    unit = float(effects.std()) / np.sqrt(size)

    def mixing(values: np.ndarray[Any, Any]) -> float:
        whole = values[: len(values) // size * size]
        return float(whole.reshape(-1, size).mean(axis=1).std() / unit)

    def batches(**options: Any) -> Any:
        return data.to_tf(target=TARGET, batch_size=size, **options)

    rng = np.random.default_rng(0)
    shuffled = np.concatenate([rng.permutation(effects) for _ in range(8)])
    found: dict[str, Any] = {"none": mixing(effects), "full": mixing(shuffled)}
    for window in WINDOWS:
        once = batches(shuffle=True, shuffle_blocks=window)
        epochs = [np.concatenate([y for _, y in once.as_numpy_iterator()]) for _ in range(3)]
        mixed = float(np.mean([mixing(epoch) for epoch in epochs]))
        found[str(window)] = mixed, float(np.median([_speed(once) for _ in range(ROUNDS)]))
    return found


def _peak(folder: str, window: str, passes: str) -> float:
    """The most memory in MB that a process has held which reads some epochs."""
    data = ShardSet.open(Path(folder))
    batches = data.to_tf(
        target=TARGET,
        batch_size=BATCH,
        shuffle=True,
        shuffle_blocks=int(window),
        repeat=int(passes),
    )
    _speed(batches)
    status = Path("/proc/self/status").read_text()
    return float(status.split("VmHWM:")[1].split()[0]) * 1024 / MB


def _main(way: str, *words: str) -> None:
    asked = {"rows": _rows, "shards": _shards, "memory": _in_memory}
    told = {"curve": _curve, "peak": _peak}
    if way in asked:
        _answer(asked[way](*words))
    else:
        sys.stdout.write(json.dumps(told[way](*words)) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
