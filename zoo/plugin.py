"""A user's own model: a Python file that holds its `SPEC`, used by its path like a name.

The file's content is its identity: it is executed once for each sha256, and a trained model
carries a copy of it, so that a later prediction needs neither the path nor the same content there.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from erazoo.errors import ConfigError
from erazoo.logs import quiet_native
from erazoo.publish import atomic_file, sha256
from zoo.catalogue import MODULES, ModelSpec

PLUGIN = "plugin.py"
"""The copy's name beside a trained model."""


def load_plugin(path: Path) -> ModelSpec:
    """The model that a file holds as `SPEC`, a `zoo.catalogue.ModelSpec` of the family `keras`.

    The file is executed: load only files that you trust as you trust this program.

    Raises:
        ConfigError: there is no such file, it fails, or it holds no model of its own name.
    """
    if not path.is_file():
        raise ConfigError("there is no such model file", received=str(path))
    spec = getattr(_module(path), "SPEC", None)
    if not isinstance(spec, ModelSpec) or spec.family != "keras":
        raise ConfigError(
            "a model file holds no model",
            received=f"SPEC is {type(spec).__name__} in {path}",
            expected="SPEC = ModelSpec(..., family='keras')",
        )
    if spec.name in MODULES:
        raise ConfigError(
            "a model file takes a name of the catalogue",
            received=f"{spec.name} in {path}",
            hint="Give the model another name",
        )
    return replace(spec, source=path.resolve())


def keep_plugin(spec: ModelSpec, folder: Path) -> None:
    """Put a copy of the model's file, if it has one of its own, beside the trained network."""
    if spec.source is None:
        return
    with atomic_file(folder / PLUGIN) as temporary:
        shutil.copyfile(spec.source, temporary)


def _module(path: Path) -> ModuleType:
    name = f"erazoo_plugin_{sha256(path)[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise ConfigError("a model file is no Python file", received=str(path))
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        with quiet_native():
            found.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(
            "a model file fails", received=f"{path}: {type(error).__name__}: {error}"
        ) from error
    return module
