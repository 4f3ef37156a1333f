"""What every network of the zoo must do; an architecture's tests inherit the class below.

The checks themselves are those of `zoo.keras.check`, which `erazoo models check` runs. The one in
a new process is run once for the whole zoo, in tests/zoo/test_keras_elsewhere.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from zoo.catalogue import ModelSpec, get
from zoo.keras.check import CHECKS, FEATURES, built, it_works_elsewhere, quintiles
from zoo.keras.learning import targets

HERE = {name: check for name, check in CHECKS.items() if check is not it_works_elsewhere}


class KerasContract:
    """Subclasses set `spec`."""

    spec: ClassVar[ModelSpec]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "check" in metafunc.fixturenames:
            metafunc.parametrize("check", list(HERE))

    def test_contract(self, check: str) -> None:
        HERE[check](self.spec)

    def test_the_catalogue_finds_it(self) -> None:
        assert get(self.spec.name) is self.spec

    def test_listing_it_imports_no_keras(self) -> None:
        module = self.spec.params.__module__.rpartition(".")[0]
        code = f"import sys, {module}; sys.exit(bool({{'keras', 'tensorflow'}} & set(sys.modules)))"
        root = Path(__file__).resolve().parents[2]
        assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0

    def network(self, preset: str = "small", seed: int = 1, **overrides: Any) -> Any:
        return built(self.spec, preset, FEATURES, seed, **overrides)[0]

    def learning(self, preset: str = "small", **overrides: Any) -> Any:
        """A network and the function that gives its heads their labels."""
        model, params = built(self.spec, preset, **overrides)
        return model, targets(params)

    def outputs(self, model: Any, rows: int = 16, training: bool = False) -> dict[str, np.ndarray]:
        found = model(quintiles(rows), training=training)
        return {name: np.asarray(values) for name, values in found.items()}
