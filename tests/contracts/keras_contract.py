"""What every network of the zoo must do; an architecture's tests inherit the class below."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from erazoo.errors import ConfigError
from erazoo.panel import FeatureSpec
from zoo.catalogue import ModelSpec, resolve
from zoo.keras.learning import compile_network, targets

FEATURES = FeatureSpec(tuple(f"feature_{j}" for j in range(12)))
OWN_CODES = FeatureSpec(FEATURES.names, missing=5)
FLOATS = FeatureSpec(FEATURES.names, dtype=np.dtype(np.float32), missing=None)
DEFAULT_NAME = re.compile(
    r"^(dense|batch_normalization|activation|dropout|concatenate|rescaling|gaussian_noise"
    r"|input_layer)(_\d+)?$"
)
LOAD = """
import sys, keras, numpy as np
for path, answer in zip(sys.argv[2::2], sys.argv[3::2]):
    model = keras.saving.load_model(path)
    x = np.load(sys.argv[1])
    answers = [model.predict(x.astype(kind), verbose=0)["prediction"] for kind in ("int8", "f4")]
    assert (answers[0] == answers[1]).all(), "quintiles as floats"
    np.save(answer, answers[0])
ours = {"erazoo", "zoo", "training", "etl", "scoring"} & {m.split(".")[0] for m in sys.modules}
assert not ours, ours
"""


def quintiles(rows: int = 256, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 5, (rows, len(FEATURES.names)), dtype=np.int8)


def five_bins(rows: int = 256, seed: int = 4) -> np.ndarray:
    return (np.random.default_rng(seed).integers(0, 5, rows) / 4).astype(np.float32)


class KerasContract:
    """Subclasses set `spec`, a preset small enough to memorise with, and bad parameters.

    `memorise` are parameters that switch regularisation off; `bad` maps a parameter to a value
    that it must refuse.
    """

    spec: ClassVar[ModelSpec]
    memorise: ClassVar[Mapping[str, Any]]
    bad: ClassVar[Mapping[str, Any]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "preset" in metafunc.fixturenames:
            metafunc.parametrize("preset", sorted(self.spec.presets))
        if "bad_option" in metafunc.fixturenames:
            metafunc.parametrize("bad_option", sorted(self.bad))

    def network(self, preset: str, seed: int = 1, **overrides: Any) -> Any:
        params = resolve(self.spec, preset, overrides)
        model = self.spec.build(params, FEATURES, seed)
        compile_network(model, params)
        return model, targets(params)

    def prediction(self, model: Any, features: np.ndarray) -> np.ndarray:
        return np.asarray(model(features, training=False)["prediction"])

    def fitted(self, preset: str, seed: int) -> tuple[np.ndarray, dict[str, float]]:
        """Predictions and losses of a fresh network after two small epochs.

        Run eagerly: tracing would take longer than these few steps.
        """
        model, adapt = self.network(preset, seed)
        model.run_eagerly = True
        x, y = quintiles(), five_bins()
        history = model.fit(x, adapt(x, y), epochs=2, batch_size=64, verbose=0).history
        return self.prediction(model, x), history

    def test_every_layer_is_named(self, preset: str) -> None:
        model, _ = self.network(preset)
        assert not [layer.name for layer in model.layers if DEFAULT_NAME.match(layer.name)]

    def test_predicts_a_column_of_finite_floats(self, preset: str) -> None:
        model, _ = self.network(preset)
        prediction = self.prediction(model, quintiles())
        assert prediction.shape == (256, 1)
        assert prediction.dtype == np.float32
        assert np.isfinite(prediction).all()

    def test_a_fit_moves_every_head_and_repeats_itself(self, preset: str) -> None:
        untrained, _ = self.network(preset)
        before = self.prediction(untrained, quintiles())
        after, history = self.fitted(preset, seed=1)
        heads = resolve(self.spec, preset, {}).heads()
        names = {f"{head.name}_loss" for head in heads} if len(heads) > 1 else {"loss"}
        assert names <= set(history)
        assert np.isfinite(list(history.values())).all()
        assert np.abs(after - before).max() > 1e-4
        again, _ = self.fitted(preset, seed=1)
        np.testing.assert_allclose(after, again, atol=1e-6)

    def test_seeds_give_their_own_weights(self, preset: str) -> None:
        first, second, other = (
            self.prediction(self.network(preset, seed)[0], quintiles()) for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, second)
        assert np.abs(first - other).max() > 1e-4

    def test_float_features_are_taken(self) -> None:
        params = resolve(self.spec, "small", {})
        model = self.spec.build(params, FLOATS, 1)
        compile_network(model, params)
        x = np.random.default_rng(1).normal(size=(64, len(FLOATS.names))).astype(np.float32)
        x[:, 1] = 1e3 * x[:, 1] + 1e4
        history = model.fit(x, targets(params)(x, five_bins(64)), verbose=0).history
        assert np.isfinite(list(history.values())).all()
        assert np.isfinite(self.prediction(model, x)).all()

    def test_missing_quintiles_are_the_centre_whichever_code_they_have(self) -> None:
        params = resolve(self.spec, "small", {})
        model = self.spec.build(params, OWN_CODES, 1)
        compile_network(model, params)
        x, y = quintiles(), five_bins()
        x[::3, :5], x[1::3, 7] = 5, 5
        centre = np.where(x == 5, 2, x).astype(np.int8)
        plain = self.network("small")[0]
        np.testing.assert_array_equal(self.prediction(model, x), self.prediction(plain, centre))
        labels, others = (targets(params)(codes, y) for codes in (x, centre))
        for name, values in labels.items():
            np.testing.assert_array_equal(values, others[name])

    def test_memorises_a_few_rows(self) -> None:
        model, adapt = self.network("small", **self.memorise)
        x, y = quintiles(), five_bins()
        many, labels = np.tile(x, (600, 1)), np.tile(y, 600)
        model.fit(many, adapt(many, labels), batch_size=256, shuffle=False, verbose=0)
        assert np.corrcoef(self.prediction(model, x)[:, 0], y)[0, 1] > 0.95

    def test_saved_networks_load_elsewhere_without_this_code(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", quintiles())
        pairs, expected = [], []
        for preset in sorted(self.spec.presets):
            model, _ = self.network(preset)
            pairs += [tmp_path / f"{preset}.keras", tmp_path / f"{preset}.npy"]
            model.save(pairs[-2])
            expected.append(self.prediction(model, quintiles()))
        own = self.spec.build(resolve(self.spec, "small", {}), OWN_CODES, 1)
        own.save(tmp_path / "own.keras")
        pairs += [tmp_path / "own.keras", tmp_path / "own.npy"]
        expected.append(self.prediction(own, quintiles()))
        command = [sys.executable, "-c", LOAD, tmp_path / "x.npy", *pairs]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        for answer, values in zip(pairs[1::2], expected, strict=True):
            np.testing.assert_allclose(np.load(answer), values, atol=1e-6)

    def test_a_bad_option_is_refused_by_name(self, bad_option: str) -> None:
        with pytest.raises(ConfigError, match=bad_option):
            resolve(self.spec, "small", {bad_option: self.bad[bad_option]})

    def test_presets_are_plain_data(self, preset: str) -> None:
        assert json.dumps(self.spec.presets[preset])
        assert resolve(self.spec, preset, {})

    def test_listing_it_imports_no_keras(self) -> None:
        module = self.spec.params.__module__.rpartition(".")[0]
        code = f"import sys, {module}; sys.exit(bool({{'keras', 'tensorflow'}} & set(sys.modules)))"
        root = Path(__file__).resolve().parents[2]
        assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
