"""Saved networks in a new process: loaded, asked again, and trained on two devices.

Starting TensorFlow takes seconds, so that one process tries all models that it is given.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.catalogue import ModelSpec

TOLERANCE = 1e-6
RICH: dict[str, Any] = {
    "inputs": {"embedding": 2, "noise": 0.1, "dropout": 0.1},
    "head": {"kind": "ordinal", "auxiliary": {"target_other_20": 0.5}, "reconstruction": 0.5},
}
"""Options with which a network holds every part that all of them share."""
SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
folder = Path(sys.argv[1])
cases = json.loads((folder / "cases.json").read_text())
x = np.load(folder / "x.npy")
def ask(case):
    model = keras.saving.load_model(folder / case["file"], compile=False)
    kinds = [model(x.astype(kind), training=False)["prediction"] for kind in ("int8", "float32")]
    np.save(folder / case["answer"], np.stack([np.asarray(kind) for kind in kinds]))
for case in cases:
    if case["plain"]:
        ask(case)
ours = {"erazoo", "zoo", "training", "etl", "scoring"} & {m.split(".")[0] for m in sys.modules}
assert not ours, ours
from zoo.keras.elsewhere import prepare, train_on_two
prepare(folder)
for case in cases:
    if not case["plain"]:
        ask(case)
train_on_two(folder)
"""


def try_elsewhere(specs: Sequence[ModelSpec]) -> dict[str, str | None]:
    """What goes wrong with each model in a new process, None where nothing does.

    Networks of keras' own layers are loaded before anything of this project is imported: they
    work wherever keras does. The others load after `import zoo.keras.layers`.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = _write(folder, specs)
        command = [sys.executable, "-c", SCRIPT, str(folder)]
        root = Path(__file__).resolve().parents[2]
        ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if ended.returncode:
            last = (ended.stderr.strip().splitlines() or ["no words"])[-1]
            return {spec.name: f"a new process failed. Received: {last}" for spec in specs}
        steps = json.loads((folder / "steps.json").read_text())
        return {spec.name: _verdict(folder, spec, expected, steps) for spec in specs}


def prepare(folder: Path) -> None:
    """Register the layers that are not keras' own, those of users' files too."""
    import zoo.keras.layers  # noqa: F401
    from zoo import catalogue

    for source in json.loads((folder / "sources.json").read_text()).values():
        catalogue.get(source)


def train_on_two(folder: Path) -> None:
    """A step of every model under a mirrored strategy of two devices; writes its losses."""
    import tensorflow as tf

    from zoo import catalogue
    from zoo.keras.check import built, fit_a_step, predictions

    x = np.load(folder / "x.npy")
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    results: dict[str, Any] = {}
    for name, source in json.loads((folder / "sources.json").read_text()).items():
        with strategy.scope():
            model, params = built(catalogue.get(source))
        before = predictions(model, x)
        losses = fit_a_step(model, params, x)
        moved = float(np.abs(predictions(model, x) - before).max())
        finite = bool(np.isfinite(list(losses.values())).all())
        results[name] = {"finite": finite, "moved": moved, "devices": strategy.num_replicas_in_sync}
    (folder / "steps.json").write_text(json.dumps(results))


def _write(folder: Path, specs: Sequence[ModelSpec]) -> dict[str, Any]:
    """Networks, their inputs and what they predict here, by the case's answer file."""
    from zoo.keras.check import built, fit_a_step, predictions, quintiles

    x = quintiles()
    np.save(folder / "x.npy", x)
    cases, expected = [], {}
    for spec in specs:
        for kind, overrides in (("plain", {}), ("rich", RICH)):
            model, params = built(spec, **overrides)
            fit_a_step(model, params, x)
            case = {"file": f"{spec.name}-{kind}.keras", "answer": f"{spec.name}-{kind}.npy"}
            model.save(folder / case["file"])
            expected[case["answer"]] = predictions(model, x)
            cases.append({**case, "plain": _of_keras_alone(model)})
    (folder / "cases.json").write_text(json.dumps(cases))
    sources = {spec.name: str(spec.source or spec.name) for spec in specs}
    (folder / "sources.json").write_text(json.dumps(sources))
    return expected


def _of_keras_alone(model: Any) -> bool:
    return all(type(layer).__module__.startswith("keras.") for layer in model.layers)


def _verdict(
    folder: Path, spec: ModelSpec, expected: dict[str, Any], steps: dict[str, Any]
) -> str | None:
    for kind in ("plain", "rich"):
        name = f"{spec.name}-{kind}.npy"
        apart = float(np.abs(np.load(folder / name) - expected[name]).max())
        if not apart <= TOLERANCE:
            return f"a new process predicts otherwise ({kind} options). Received: {apart:.2e} apart"
    step = steps[spec.name]
    if not step["finite"] or not step["moved"] > 0 or step["devices"] != 2:
        return f"it does not train on two devices. Received: {step}"
    return None
