"""Networks without training: counted, described, and saved for a later `train --from`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from erazoo.artefacts import seal
from erazoo.panel import FeatureSpec
from erazoo.publish import atomic_dir
from zoo.catalogue import ModelSpec, resolve
from zoo.keras.encoder import MODEL
from zoo.plugin import keep_plugin

LIBRARIES = ("tensorflow", "keras", "numpy")


def build_network(
    spec: ModelSpec,
    preset: str,
    overrides: Mapping[str, Any],
    features: FeatureSpec,
    seed: int = 0,
) -> Any:
    """The untrained network of a preset with a user's own values on top.

    Raises:
        ConfigError: parameters that cannot be used, or do not go with these features.
    """
    return spec.build(resolve(spec, preset, overrides), features, seed)


def save_untrained(
    spec: ModelSpec,
    preset: str,
    overrides: Mapping[str, Any],
    features: FeatureSpec,
    folder: Path,
    seed: int = 0,
) -> dict[str, Any]:
    """Write an untrained network as `model.keras` with a card that says what it is.

    A folder of the same name is replaced as a whole.

    Returns:
        The card: model, preset, parameters, features and their fingerprint, seed and versions.

    Raises:
        ConfigError: parameters or a folder that cannot be used.
    """
    params = resolve(spec, preset, overrides)
    model = spec.build(params, features, seed)
    card = {
        "untrained": True,
        "model": spec.name,
        "family": spec.family,
        "preset": preset,
        "params": params.model_dump(mode="json"),
        "features": len(features.names),
        "dtype": features.dtype.name,
        "missing": features.missing,
        "fingerprint": features.fingerprint,
        "weights": model.count_params(),
        "seed": seed,
        "versions": {name: version(name) for name in LIBRARIES},
    }
    with atomic_dir(folder) as work:
        model.save(work / MODEL)
        keep_plugin(spec, work)
        seal(work, card)
    return card


def summary(model: Any) -> str:
    """Its layers as keras lists them, in eighty columns."""
    lines: list[str] = []
    model.summary(line_length=80, print_fn=lines.append)
    return "\n".join(lines)
