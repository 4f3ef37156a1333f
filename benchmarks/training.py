"""Training networks: what shards cost against arrays in memory, TabM against many networks, start.

Both sides of a ratio are processes that build and compile first; then they train in turn.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.etl_read import ERA_ROWS, MB, TARGET, write
from benchmarks.etl_write import FEATURES
from benchmarks.figure import Figure
from benchmarks.measure import Answering, in_turn, python
from erazoo.errors import ErazooError
from erazoo.publish import read_json
from training.progress import RECORD
from zoo.keras.mlp import SPEC

NARROW, ROUNDS, STARTS = 740, 5, 3
FED = {NARROW: 40, FEATURES: 15}
"""How many times faster than the funnel network consumes rows they must come."""
MEMBERS = 32
PASSES, ENDLESS = 5, 1_000_000
LARGER = 5
ALLOWED_SECONDS = 3.0
EXPERIMENT = """
run.name = "start"
data.source = "demo"
split.folds = 2
tracking.mlflow = "off"
models.mlp.preset = "small"
[demo]
eras = 60
rows = 200
features = 24
regimes = 1
"""


def figures(quick: bool) -> Iterator[Figure]:
    """An epoch, the rows a second of the pipeline, memory, TabM, and the time to the first step."""
    eras = {NARROW: 4 if quick else 20, FEATURES: 2 if quick else 8}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for features, count in eras.items():
            write(work / str(features), features, count)
            yield _epoch(work / str(features), features, count)
            presets = ["funnel"] if quick else list(SPEC.presets)
            yield from _pipeline(work / str(features), features, count, presets)
        yield _memory(work, 2 if quick else 20)
        yield _tabm(work / "tabm", 1 if quick else 4)
        yield _start(work / "start")


def _epoch(folder: Path, features: int, eras: int) -> Figure:
    """The mlp preset `funnel` in one epoch, from shards as the trainer does it, and from arrays."""
    with ExitStack() as stack:
        sides = [
            stack.enter_context(Answering("benchmarks.training", way, folder, "mlp", "funnel"))
            for way in ("shards", "arrays")
        ]
        ours, baseline = in_turn([side.ask for side in sides], ROUNDS)
    facts = {"rows": eras * ERA_ROWS, "features": features, "batch": 1024, "shuffled": "both"}
    return Figure(
        f"an epoch from shards, {features} features", ours, baseline, "s", "<= 1.15", facts=facts
    )


def _pipeline(folder: Path, features: int, eras: int, presets: Sequence[str]) -> Iterator[Figure]:
    """Rows a second that come, and that each preset of the perceptron trains on."""
    rows = eras * ERA_ROWS
    for preset in presets:
        with ExitStack() as stack:
            sides = [
                stack.enter_context(Answering("benchmarks.training", way, folder, "mlp", preset))
                for way in ("pipeline", "shards")
            ]
            alone, training = in_turn([side.ask for side in sides], 3)
        goal = f">= {FED[features]}" if preset == "funnel" else "none"
        name = f"rows that come and are trained on, {features} features, {preset}"
        facts = {"rows": rows, "features": features, "preset": preset}
        yield Figure(name, rows / alone, rows / training, "rows/s", goal, facts=facts)


def _memory(work: Path, eras: int) -> Figure:
    """The peak of a process that trains an epoch, on five times the rows."""
    peaks = []
    for times in (1, LARGER):
        folder = work / f"memory-{times}"
        write(folder, NARROW, eras * times)
        peaks.append(python("-m", "benchmarks.training", "peak", folder, "mlp", "small").peak_mb)
    data = NARROW * ERA_ROWS * eras / MB
    facts = {"features": NARROW, "MB of rows": [round(data), round(LARGER * data)]}
    return Figure(
        "memory with five times the rows", peaks[1], peaks[0], "MB", "<= 1.1", facts=facts
    )


def _tabm(folder: Path, eras: int) -> Figure:
    """All members at once against one network of a member's size, that many times."""
    write(folder, NARROW, eras)
    with ExitStack() as stack:
        sides = [
            stack.enter_context(Answering("benchmarks.training", "shards", folder, *words))
            for words in (("tabm", "paper"), ("member", ""))
        ]
        ours, one = in_turn([side.ask for side in sides], ROUNDS)
    facts = {"rows": eras * ERA_ROWS, "features": NARROW, "members": MEMBERS, "one network": one}
    name = "an epoch of TabM against as many networks"
    return Figure(name, ours, MEMBERS * one, "s", "<= 0.8", facts=facts)


def _start(folder: Path) -> Figure:
    """From `erazoo train` to the end of the first step, which compiles, on shards that stand."""
    folder.mkdir()
    config = folder / "start.toml"
    config.write_text(EXPERIMENT)
    flags = ("--config", config, "--run-dir", folder / "run")
    for verb in ("download", "shard"):
        python("-m", "erazoo", verb, *flags)
    python("-c", "import tensorflow")
    ours, imports = [], []
    for _ in range(STARTS):
        imports.append(python("-c", "import tensorflow").wall)
        ours.append(_first_step(folder / "run", [str(word) for word in flags]))
    alone = statistics.median(imports)
    facts = {"import of tensorflow in s": round(alone, 2)}
    name = "from the command to the first step"
    return Figure(name, statistics.median(ours), alone + ALLOWED_SECONDS, "s", "<= 1", facts=facts)


def _first_step(run: Path, flags: list[str]) -> float:
    for path in run.glob(f"models/**/{RECORD}"):
        path.unlink()  # an interrupted fit leaves its own
    begun = time.perf_counter()
    words = [sys.executable, "-m", "erazoo", "train", "mlp", "--force", *flags]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            for path in run.glob(f"models/**/{RECORD}"):
                try:
                    record = read_json(path)
                except FileNotFoundError:
                    continue
                if record["step"] or record["epoch"]:
                    return time.perf_counter() - begun
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    raise ErazooError("a training ended before its first step was seen", received=str(run))


def _train(folder: str, model: str, preset: str, way: str, most: int) -> None:
    """Epochs of one fit as the trainer runs it, or of one on arrays; each after a question."""
    import keras

    from erazoo.config.schema import TrainingSection
    from etl.shards import ShardSet
    from training.keras.batches import batches, is_packed, steps
    from training.keras.finite import FiniteLoss
    from training.keras.learner import Learner
    from training.keras.watch import watchers
    from training.task import FoldTask
    from zoo.catalogue import get, resolve
    from zoo.keras.learning import compile_network, targets
    from zoo.keras.params import NetworkParams

    data = ShardSet.open(Path(folder))
    member = {"units": (512,) * 3, "activation": "relu", "batch_size": 256}
    spec = get("mlp" if model == "member" else model)
    params = resolve(spec, preset, member if model == "member" else {})
    assert isinstance(params, NetworkParams)
    eras = tuple(data.select())
    task = FoldTask("fold-0", eras, (), TARGET, 1, TrainingSection(epochs=most))
    many = steps(data, eras, task, params)
    rows = batches(data, eras, task, params, training=True, first_epoch=0)
    if way == "pipeline":
        batch = iter(rows)
        return _answer(lambda: _take(batch, PASSES * many) / PASSES)
    learner = Learner(
        spec.build(params, data.spec, 1), targets(params), data.spec, packed=is_packed(data)
    )
    compile_network(learner, params, steps=many, epochs=most)
    asked = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, _: _begin(epoch),
        on_epoch_end=lambda epoch, _: _end(epoch),
    )
    if way == "arrays":
        features, labels = data.to_numpy()
        target = labels.targets[:, data.target_index(TARGET)]
        size = params.batch_size or task.settings.batch_size
        learner.fit(features, target, size, most, 0, callbacks=[asked], shuffle=True)
        return None
    place = Path(tempfile.mkdtemp(dir=folder))
    watching = watchers(data, task, params, spec.name, place, many, eras=None, best=None)
    learner.fit(
        rows,
        steps_per_epoch=many,
        epochs=most,
        callbacks=[FiniteLoss(), *watching, asked],
        shuffle=False,
        verbose=0,
    )
    return None


_clock = [0.0]


def _begin(epoch: int) -> None:
    """Wait for the question, but for the first epoch, which compiles."""
    if epoch and not sys.stdin.readline():
        raise SystemExit(0)
    _clock[0] = time.perf_counter()


def _end(epoch: int) -> None:
    if epoch:
        _say(time.perf_counter() - _clock[0])


def _answer(measure: Callable[[], float]) -> None:
    measure()
    for _ in sys.stdin:
        _say(measure())


def _say(seconds: float) -> None:
    sys.stdout.write(f"{seconds}\n")
    sys.stdout.flush()


def _take(batches: Iterator[Any], count: int) -> float:
    begun = time.perf_counter()
    for _ in range(count):
        next(batches)
    return time.perf_counter() - begun


def _main(way: str, folder: str, model: str, preset: str = "") -> None:
    """Answer with the seconds of an epoch; `peak` trains one and says nothing."""
    from training.families import trainer_of
    from zoo.catalogue import get

    trainer_of(get("mlp"))  # imports TensorFlow as training does
    _train(folder, model, preset, way, 1 if way == "peak" else ENDLESS)


if __name__ == "__main__":
    _main(*sys.argv[1:])
