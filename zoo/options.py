"""A model's options in words: names as in a configuration, defaults, limits and meaning."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from zoo.catalogue import Params

SIGNS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
ARGUMENT = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Option:
    """One option of a model.

    Args:
        name: as in a configuration; that of a group's option is `group.option`.
        default: its value where none is given.
        limits: what it may be, empty where the type says it all.
        about: what it does.
        bad: a value that it must refuse, None where any value of its type will do.
    """

    name: str
    default: Any
    limits: str
    about: str
    bad: Any


def options(params: type[Params]) -> tuple[Option, ...]:
    """Every option of a model's parameters, groups unfolded, in the order of declaration."""
    return tuple(_options(params, ""))


def introduction(params: type[Params]) -> str:
    """A parameters' docstring without its arguments: the model, its source and its presets."""
    text = inspect.cleandoc(params.__doc__ or "")
    return re.sub(r"\nArgs:\n(?: {4}.*\n?|\n)*", "\n", text + "\n").strip()


def nested(name: str, value: Any) -> dict[str, Any]:
    """A value under an option's name, as a configuration holds it.

    >>> nested("head.classes", 7)
    {'head': {'classes': 7}}
    """
    first, _, rest = name.partition(".")
    return {first: nested(rest, value) if rest else value}


def dotted(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values of nested tables by their dotted names.

    >>> dotted({"head": {"classes": 7}, "dropout": 0.1})
    {'head.classes': 7, 'dropout': 0.1}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        inside = isinstance(value, Mapping)
        found |= dotted(value, f"{prefix}{name}.") if inside else {prefix + name: value}
    return found


def _options(group: type[BaseModel], prefix: str) -> Iterator[Option]:
    schema, meanings = group.model_json_schema(), _meanings(group)
    for name, field in group.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            chosen = field.get_default(call_default_factory=True)
            yield from _options(type(chosen), f"{prefix}{name}.")
            continue
        own = _limited(schema["properties"][name])
        default = field.get_default(call_default_factory=True)
        yield Option(prefix + name, default, _limits(own), meanings.get(name, ""), _bad(own))


def _meanings(group: type[BaseModel]) -> dict[str, str]:
    """The arguments that the docstrings of a class and its bases explain."""
    found: dict[str, str] = {}
    for base in reversed(group.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        _, _, arguments = text.partition("\nArgs:\n")
        arguments, _, _ = arguments.partition("\n\n")
        found |= {name: " ".join(about.split()) for name, about in ARGUMENT.findall(arguments)}
    return found


def _limited(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a schema that limits values; None beside it is one value more."""
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return {**choice, "optional": True}
    return schema


def _limits(schema: Mapping[str, Any]) -> str:
    texts = [f"{sign} {schema[key]}" for key, sign in SIGNS.items() if key in schema]
    if "enum" in schema:
        texts.append(" | ".join(map(str, schema["enum"])))
    if schema.get("type") == "array":
        each = _limits(schema["items"])
        texts.append(f"a list, each {each}" if each else "a list")
    return ", ".join(texts)


def _bad(schema: Mapping[str, Any]) -> Any:
    """A value just outside the limits."""
    if "enum" in schema:
        return "no such value"
    for key, step in (("minimum", -1), ("exclusiveMinimum", 0)):
        if key in schema:
            return schema[key] + step
    for key, step in (("maximum", 1), ("exclusiveMaximum", 0)):
        if key in schema:
            return schema[key] + step
    if schema.get("type") == "array":
        inside = _bad(schema["items"])
        return None if inside is None else [inside]
    return None
