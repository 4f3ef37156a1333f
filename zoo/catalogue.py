"""The catalogue: every model by name, with its family, parameters and presets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from erazoo.errors import ConfigError, UnknownModelError
from erazoo.near import nearest

MODULES = {
    "ridge": "zoo.linear.ridge",
    "lightgbm": "zoo.boosting.lightgbm",
    "mlp": "zoo.keras.mlp",
    "ae_classifier": "zoo.keras.ae_classifier",
}


class Params(BaseModel):
    """Base of a model's parameters: frozen, and an unknown name is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


@dataclass(frozen=True)
class ModelSpec:
    """One member of the catalogue.

    Args:
        name: the catalogue's name.
        family: `keras`, `boosting` or `linear`; it chooses the trainer.
        summary: one line on what it is, with its source.
        params: the type of its parameters.
        presets: named parameter values, applied before a user's own.
        takes_missing: whether NaN in float features says something to it.
        build: makes the untrained model; its signature is the family's.
    """

    name: str
    family: str
    summary: str
    params: type[Params]
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    takes_missing: bool = False
    build: Callable[..., Any] = field(kw_only=True)


def names() -> tuple[str, ...]:
    """All names of the catalogue."""
    return tuple(MODULES)


def get(name: str) -> ModelSpec:
    """One member by name.

    Raises:
        UnknownModelError: the catalogue has no such name.
    """
    if name not in MODULES:
        raise UnknownModelError(
            "the catalogue has no such model", received=name, expected=nearest(name, MODULES)
        )
    spec: ModelSpec = import_module(MODULES[name]).SPEC
    return spec


def resolve(spec: ModelSpec, preset: str, overrides: Mapping[str, Any]) -> Params:
    """The parameters of a preset with a user's own values on top.

    Raises:
        ConfigError: an unknown preset or parameter, or a value out of range.
    """
    if preset and preset not in spec.presets:
        raise ConfigError(
            f"{spec.name} has no such preset",
            received=preset,
            expected=nearest(preset, spec.presets),
        )
    values = {**(spec.presets[preset] if preset else {}), **overrides}
    try:
        return spec.params.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise ConfigError(
                f"{spec.name} has no parameter {name!r}",
                expected=nearest(name, spec.params.model_fields),
            ) from None
        raise ConfigError(
            f"{spec.name} parameter {name!r}: {first['msg'][0].lower()}{first['msg'][1:]}",
            received=repr(first["input"]),
        ) from None
