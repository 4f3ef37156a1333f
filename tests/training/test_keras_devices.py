from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from contracts.fits import small_fit
from contracts.planted import TARGET, planted_shards
from tensorboard.compat.proto.event_pb2 import Event

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
both = tf.config.list_logical_devices("CPU")
devices.strategy = lambda settings, single="": devices.mirrored(both)
assert devices.strategy(None).num_replicas_in_sync == 2
for name in sys.argv[3:]:
    here.fit(Path(sys.argv[1]), Path(sys.argv[2]) / name, name)
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
RECIPES: dict[str, dict[str, Any]] = {
    "adamw": {},
    "clipped": {
        "optimizer": "sgd",
        "learning_rate": 0.5,
        "clip_norm": 0.02,
        "average": {"kind": "ema", "momentum": 0.8},
        "schedule": {"kind": "cosine", "warmup": 0.2},
    },
    "muon": {"optimizer": "muon", "weight_decay": 0.1, "average": {"kind": "swa"}},
    "plateau": {"schedule": {"kind": "plateau", "every": 1}},
    "values": {"optimizer": "lion", "clip_value": 1e-3, "schedule": {"kind": "one_cycle"}},
}
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


def fit(shards: Path, folder: Path, recipe: str = "adamw") -> np.ndarray:
    """Two epochs of a network without normalisation and dropout, and its predictions.

    Neither the batches nor the last, smaller one can be cut into equal parts; features are packed
    and rows weighted.
    """
    data = Ordered.open(shards)
    params = resolve(SPEC, "small", {"units": [16], "dropout": 0.0, **RECIPES[recipe]})
    eras = data.eras()
    job = FoldTask("fold-0", eras[:6], (), TARGET, 3, TrainingSection(batch_size=63), 2)
    KerasTrainer().fit(SPEC, params, data, job, folder)
    predictor = KerasTrainer().load(SPEC, params, data.spec, folder)
    return predict_eras(predictor, data, eras[6:])[2]


def gradient_norms(folder: Path) -> list[float]:
    """What TensorBoard is told of the gradients of each epoch."""
    files = sorted((folder / "tensorboard" / "train").glob("epoch-*"))
    records = [record for path in files for record in tf.data.TFRecordDataset(str(path))]
    values = [v for r in records for v in Event.FromString(r.numpy()).summary.value]
    found = [float(tf.make_ndarray(v.tensor)) for v in values if v.tag == "gradient_norm"]
    assert len(found) == 2
    return found


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


@pytest.mark.parametrize(
    "names", [("adamw", "clipped"), pytest.param(tuple(RECIPES), marks=pytest.mark.long)], ids=len
)
def test_two_replicas_give_the_weights_of_one(tmp_path: Path, names: tuple[str, ...]) -> None:
    data = planted_shards(tmp_path / "shards", codec="packed", wrong=0.25)
    assert data.rows(data.eras()[:6], TARGET) % 63 % 2 == 1
    run(REPLICAS, tmp_path / "shards", tmp_path / "two", *names)
    params = resolve(SPEC, "small", {})
    for name in names:
        alone = fit(tmp_path / "shards", tmp_path / "one" / name, name)
        predictor = KerasTrainer().load(SPEC, params, data.spec, tmp_path / "two" / name)
        both = predict_eras(predictor, data, data.eras()[6:])[2]
        np.testing.assert_allclose(both, alone, atol=1e-5, err_msg=name)
        norms = [gradient_norms(tmp_path / count / name) for count in ("one", "two")]
        np.testing.assert_allclose(*norms, rtol=1e-4, err_msg=name)


def test_a_clipped_gradient_is_that_of_the_whole_batch(tmp_path: Path) -> None:
    """What the test of replicas clips is clipped indeed: without the limit it ends elsewhere."""
    planted_shards(tmp_path / "shards", codec="packed", wrong=0.25)
    clipped = fit(tmp_path / "shards", tmp_path / "clipped", "clipped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES["clipped"], "clip_norm", None)
        free = fit(tmp_path / "shards", tmp_path / "free", "clipped")
    assert np.abs(clipped - free).max() > 1e-3


def test_threads_are_limited_before_tensorflow_runs_and_not_after() -> None:
    run(THREADS)


@pytest.mark.long
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


class Gpu:
    """A GPU of some compute capability."""

    def __init__(self, *capability: int) -> None:
        self.capability = capability


@pytest.mark.parametrize(
    ("wanted", "gpus", "name"),
    [
        ("auto", [], "float32"),
        ("auto", [(9, 0)], "mixed_bfloat16"),
        ("auto", [(9, 0), (7, 5)], "float32"),
        ("float32", [(9, 0)], "float32"),
        ("bfloat16", [], "mixed_bfloat16"),
        ("float16", [(7, 0)], "mixed_float16"),
    ],
)
def test_precision_follows_the_devices(
    monkeypatch: pytest.MonkeyPatch, wanted: str, gpus: list[tuple[int, int]], name: str
) -> None:
    details = lambda gpu: {"compute_capability": gpu.capability}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details)
    assert devices.policy(wanted, [Gpu(*capability) for capability in gpus]) == name


def test_layers_calculate_in_the_precision_and_heads_in_float32() -> None:
    from erazoo.panel import FeatureSpec

    features = FeatureSpec(("a", "b", "c"))
    with devices.precision(TrainingSection(precision="bfloat16")) as name:
        model = SPEC.build(resolve(SPEC, "small", {"units": [4]}), features, 1)
    assert name == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    kinds = {layer.name: layer.compute_dtype for layer in model.layers}
    assert kinds["block_1_dense"] == "bfloat16"
    assert kinds["main_head"] == kinds["prediction"] == "float32"
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}


@pytest.mark.parametrize(
    ("settings", "single"), [({"jit": True}, "training.jit"), ({}, "batch_eras")], ids=str
)
def test_a_fit_for_one_device_takes_the_first_of_any_and_refuses_several_by_name(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, Any],
    single: str,
) -> None:
    claimed: list[Any] = []
    monkeypatch.setattr(devices, "_present", lambda: ["a", "b"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda gpus, _: claimed.extend(gpus))
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *_: None)
    given = "" if settings else single
    with caplog.at_level("INFO"):
        chosen = devices.strategy(TrainingSection(**settings), given)
    assert (claimed, chosen.num_replicas_in_sync) == (["a"], 1)
    assert f"one of 2 GPUs is used: {single} is for one device" in caplog.text
    with pytest.raises(ConfigError, match=rf"{single} is for one device"):
        devices.strategy(TrainingSection(devices="gpu:0,1", **settings), given)
    devices.strategy(TrainingSection())
    assert claimed == ["a", "a", "b"]


@pytest.mark.parametrize("settings", [{"precision": "float16"}, {"jit": True}], ids=str)
def test_half_precision_and_compiled_steps_learn_the_same(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    """In another arithmetic: close to the plain fit, and not equal to it."""
    data = planted_shards(tmp_path / "shards")
    recipe = {"dropout": 0.0, "schedule": {"kind": "cosine"}}
    plain = small_fit(data, tmp_path / "plain", recipe)
    other = small_fit(data, tmp_path / "other", recipe, **settings)
    assert other.history["loss"] == pytest.approx(plain.history["loss"], rel=0.02)
    assert other.history["loss"] != plain.history["loss"]
