from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from contracts.planted import TARGET, planted_shards

from erazoo.config.schema import TrainingSection
from erazoo.errors import ConfigError
from etl.shards import ShardSet
from training.keras import devices
from training.keras.trainer import KerasTrainer
from training.task import FoldTask, predict_eras
from zoo.catalogue import resolve
from zoo.keras.mlp import SPEC

ROOT = Path(__file__).resolve().parents[2]
REPLICAS = """
import sys
from pathlib import Path
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from training.keras import devices
import test_keras_devices as here
devices.strategy = lambda settings: devices.mirrored(tf.config.list_logical_devices("CPU"))
assert devices.strategy(None).num_replicas_in_sync == 2
here.fit(Path(sys.argv[1]), Path(sys.argv[2]))
"""
THREADS = """
import tensorflow as tf
from erazoo.config.schema import TrainingSection
from training.keras.devices import strategy
strategy(TrainingSection(threads=1))
assert tf.config.threading.get_intra_op_parallelism_threads() == 1
assert tf.config.threading.get_inter_op_parallelism_threads() == 1
tf.zeros(1)
strategy(TrainingSection(threads=1))
try:
    strategy(TrainingSection(threads=2))
except Exception as error:
    assert "training.threads cannot change" in str(error), error
else:
    raise AssertionError("a running TensorFlow took other threads")
"""
ALL_CORES = """
import tensorflow as tf
from erazoo.config.schema import TrainingSection
from training.keras import devices
devices.cores = lambda: 3
devices.strategy(TrainingSection())
assert tf.config.threading.get_intra_op_parallelism_threads() == 3
assert tf.config.threading.get_inter_op_parallelism_threads() == 3
tf.zeros(1)
devices.cores = lambda: 2
devices.strategy(TrainingSection())
assert tf.config.threading.get_intra_op_parallelism_threads() == 3
"""


class Ordered(ShardSet):
    """Rows in their own order, whatever is asked for; the order of a shuffle is no device's."""

    def to_tf(self, eras: Sequence[str], *, shuffle: bool, **options: Any) -> Any:
        return super().to_tf(eras, shuffle=False, **options)


def fit(shards: Path, folder: Path) -> np.ndarray:
    """Two epochs of a network without normalisation and dropout, and its predictions.

    Neither the batches nor the last, smaller one can be cut into equal parts; features are packed
    and rows weighted.
    """
    data = Ordered.open(shards)
    params = resolve(SPEC, "small", {"units": [16], "dropout": 0.0})
    eras = data.eras()
    job = FoldTask("fold-0", eras[:6], (), TARGET, 3, TrainingSection(batch_size=63), 2)
    KerasTrainer().fit(SPEC, params, data, job, folder)
    predictor = KerasTrainer().load(SPEC, params, data.spec, folder)
    return predict_eras(predictor, data, eras[6:])[2]


def run(code: str, *arguments: object) -> None:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    paths = f"{ROOT}:{ROOT / 'tests'}:{ROOT / 'tests' / 'training'}"
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_replicas_give_the_weights_of_one(tmp_path: Path) -> None:
    data = planted_shards(tmp_path / "shards", codec="packed", wrong=0.25)
    assert data.rows(data.eras()[:6], TARGET) % 63 % 2 == 1
    alone = fit(tmp_path / "shards", tmp_path / "one")
    run(REPLICAS, tmp_path / "shards", tmp_path / "two")
    params = resolve(SPEC, "small", {})
    predictor = KerasTrainer().load(SPEC, params, data.spec, tmp_path / "two")
    np.testing.assert_allclose(predict_eras(predictor, data, data.eras()[6:])[2], alone, atol=1e-5)


def test_threads_are_limited_before_tensorflow_runs_and_not_after() -> None:
    run(THREADS)


def test_no_number_of_threads_is_every_core_and_no_change_of_a_running_tensorflow() -> None:
    run(ALL_CORES)


def test_the_processor_alone_needs_no_distribution() -> None:
    strategy = devices.strategy(TrainingSection(devices="cpu"))
    assert strategy is tf.distribute.get_strategy()


@pytest.mark.parametrize(
    ("text", "chosen"),
    [("cpu", []), ("auto", ["a", "b", "c"]), ("gpu", ["a", "b", "c"]), ("gpu:2,0", ["c", "a"])],
)
def test_the_text_names_the_devices(text: str, chosen: list[str]) -> None:
    assert devices._chosen(text, ["a", "b", "c"]) == chosen


@pytest.mark.parametrize(
    ("text", "present", "message"),
    [("gpu", [], "no GPU"), ("gpu:0", [], "no GPU"), ("gpu:1", ["a"], "from 0 to 0")],
)
def test_a_gpu_that_is_not_there_is_an_error(text: str, present: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        devices._chosen(text, present)


def test_auto_without_a_gpu_is_the_processor() -> None:
    assert devices._chosen("auto", []) == []
