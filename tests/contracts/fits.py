"""Small fits of networks, which tests interrupt, repeat and compare."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from contracts.planted import TARGET

from erazoo.config.schema import TrainingSection
from erazoo.publish import read_json
from etl.shards import ShardSet
from training.task import FitResult, FoldTask
from zoo.catalogue import get, resolve

ERAS = tuple(f"{number:04d}" for number in range(1, 13))
FIT, MONITOR, TEST = ERAS[:6], ERAS[7:9], ERAS[9:]
RECIPE: dict[str, Any] = {"units": [16], "learning_rate": 0.01, "batch_size": 64}
DISTURBED: dict[str, Any] = {"inputs": {"noise": 0.3, "dropout": 0.1}, "dropout": 0.2}


def small_fit(
    data: ShardSet,
    folder: Path,
    recipe: dict[str, Any] | None = None,
    *,
    monitor: tuple[str, ...] = MONITOR,
    length: int | None = None,
    seed: int = 3,
    model: str = "mlp",
    watched: str = "val_corr",
    **settings: Any,
) -> FitResult:
    """Fit a small network on the planted eras, six epochs unless the settings say otherwise."""
    from training.keras.trainer import KerasTrainer

    settings = {"monitor": watched, **settings}
    section = TrainingSection(**{"epochs": 6, "patience": 6, "tensorboard": "off", **settings})
    task = FoldTask("fold-0", FIT, monitor, TARGET, seed, section, length)
    own = {**RECIPE, **(recipe or {})}
    if "batch_eras" in own:
        del own["batch_size"]
    spec = get(model)
    return KerasTrainer().fit(spec, resolve(spec, "small", own), data, task, folder)


def saved_weights(folder: Path) -> list[np.ndarray]:
    """The weights of the network that a fit saved."""
    import keras

    model = keras.saving.load_model(folder / "model.keras", compile=False)
    return [np.asarray(weight) for weight in model.weights]


def assert_same_fit(one: Path, other: Path, results: tuple[FitResult, FitResult]) -> None:
    """Two fits have the same course, the same best epoch and, bit by bit, the same weights."""
    first, second = results
    assert first.history == second.history
    assert (first.best_epoch, first.best_value) == (second.best_epoch, second.best_value)
    records = [folder / "best_epoch.json" for folder in (one, other)]
    assert records[0].is_file() == records[1].is_file() == (first.best_epoch is not None)
    if first.best_epoch is not None:
        assert read_json(records[0]) == read_json(records[1])
    for left, right in zip(saved_weights(one), saved_weights(other), strict=True):
        np.testing.assert_array_equal(left, right)


class Forks:
    """A process that has imported the libraries once, and forks one of `CALLS` after another."""

    def __init__(self) -> None:
        root = Path(__file__).resolve().parents[2]
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            env={
                **os.environ,
                "PYTHONPATH": f"{root}:{root / 'tests'}",
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, call: str, *arguments: Any) -> int:
        """Fork a call; its process number."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([call, *arguments]) + "\n")
        self.process.stdin.flush()
        return int(self._answer())

    def end(self) -> int:
        """Wait until the call is over, one way or another; its exit status."""
        return int(self._answer())

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


def _fit(shards: str, folder: str, recipe: dict[str, Any], settings: dict[str, Any]) -> None:
    """Writes `result.json` into the folder when the fit is over."""
    result = small_fit(ShardSet.open(Path(shards)), Path(folder), recipe, **settings)
    facts = [result.history, result.best_epoch, result.best_value, result.seconds]
    (Path(folder) / "result.json").write_text(json.dumps(facts))


def _train(config: dict[str, Any], run: str, model: str) -> None:
    from erazoo.config import Config
    from erazoo.rundir import RunDir
    from training.loop import train_model

    train_model(Config.model_validate(config), RunDir(Path(run)), model)


CALLS: dict[str, Callable[..., None]] = {"fit": _fit, "train": _train}


def _serve() -> None:
    import training.keras.trainer
    import training.loop  # noqa: F401

    for line in sys.stdin:
        call, *arguments = json.loads(line)
        child = os.fork()
        if not child:
            CALLS[call](*arguments)
            os._exit(0)
        _say(child)
        _say(os.waitpid(child, 0)[1])


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
