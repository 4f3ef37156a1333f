"""Layers of configuration: defaults < file < `--env` layer < environment < `--set`."""

from __future__ import annotations

import datetime as dt
import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from erazoo.checkout import places
from erazoo.config.schema import Config
from erazoo.errors import ConfigError
from erazoo.near import nearest

VARIABLE_PREFIX = "ERAZOO_"
ENV_FOLDER = Path("conf/env")


def load(
    path: Path | None = None,
    *,
    env: str | None = None,
    overrides: Iterable[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Config:
    """Load and validate an experiment.

    Args:
        path: the experiment's TOML file, or a run's `config.json`; None for the defaults alone.
        env: the name of a layer in `conf/env/`, here or in the checkout.
        overrides: `section.key=value` texts; a value is read as TOML, else taken as text.
        variables: the process environment; `ERAZOO_SECTION__KEY=value` sets a key.

    Raises:
        ConfigError: an unreadable file, an unknown key, a value of the wrong kind.
    """
    merged: dict[str, Any] = {}
    if path is not None:
        _merge(merged, _read(path))
    if env is not None:
        _merge(merged, _read(_env_file(env)))
    for name, text in sorted((os.environ if variables is None else variables).items()):
        if name.startswith(VARIABLE_PREFIX) and "__" in name:
            keys = name.removeprefix(VARIABLE_PREFIX).lower().split("__")
            _put(merged, keys, plain_value(text))
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            raise ConfigError(
                "--set needs a key and a value", received=override, expected="section.key=value"
            )
        _put(merged, key.strip().split("."), plain_value(text.strip()))
    return _validate(merged)


def describe(config: Config) -> dict[str, Any]:
    """The resolved configuration as plain JSON values."""
    return config.model_dump(mode="json")


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return dict(json.load(stream)) if path.suffix == ".json" else tomllib.load(stream)
    except FileNotFoundError:
        raise ConfigError("the configuration file does not exist", received=str(path)) from None
    except (IsADirectoryError, PermissionError) as error:
        raise ConfigError(
            "the configuration file cannot be read", received=f"{path} ({error.strerror})"
        ) from None
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise ConfigError(f"{path} is not valid {kind}", received=str(error)) from None


def _env_file(env: str) -> Path:
    for path in places(ENV_FOLDER / f"{env}.toml"):
        if path.exists():
            return path
    known = sorted({p.stem for folder in places(ENV_FOLDER) for p in folder.glob("*.toml")})
    raise ConfigError("unknown environment", received=env, expected=nearest(env, known))


def _merge(base: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _put(base: dict[str, Any], keys: list[str], value: Any) -> None:
    for depth, key in enumerate(keys[:-1]):
        base = base.setdefault(key, {})
        if not isinstance(base, dict):
            raise ConfigError(
                "a configuration key goes below a plain value",
                received=".".join(keys),
                expected=f"{'.'.join(keys[: depth + 1])} to be a table",
            )
    base[keys[-1]] = value


def plain_value(text: str) -> Any:
    """A value given in words: read as TOML, else taken as text.

    >>> plain_value("0.7"), plain_value("1..574"), plain_value("2024-03-01")
    (0.7, '1..574', '2024-03-01')
    """
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text
    return text if isinstance(value, dt.date | dt.time) else value


def _validate(merged: dict[str, Any]) -> Config:
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        key = ".".join(place)
        if first["type"] == "extra_forbidden":
            raise ConfigError(
                f"unknown configuration key {key!r}",
                expected=nearest(place[-1], _known(place[:-1])),
            ) from None
        raise ConfigError(
            f"configuration key {key!r}: {first['msg'][0].lower()}{first['msg'][1:]}",
            received=repr(first["input"]),
        ) from None


def _known(place: list[str]) -> list[str]:
    model: type[BaseModel] = Config
    for part in place:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        for kind in (annotation, *get_args(annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                model = kind
    return list(model.model_fields)
