"""As much of GraphQL as the tournament clients speak: one root field a request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Selection: TypeAlias = dict[str, "Selection"]
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\$?[A-Za-z_]\w*|-?\d+(?:\.\d+)?|[{}()\[\]:!=]')
_CONSTANTS = {"true": True, "false": False, "null": None}


class GraphQLError(Exception):
    """A message for the `errors` of an answer."""


@dataclass(frozen=True)
class Call:
    """One call of a root field.

    Args:
        asked: the field as it was asked, in snake or camel case.
        arguments: its arguments, variables put in.
        selection: the fields asked of the result, nested; empty for a plain value.
        mutation: whether it changes anything.
    """

    asked: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    selection: Selection = field(default_factory=dict)
    mutation: bool = False

    @property
    def name(self) -> str:
        """The field in camel case, under which it is looked up."""
        head, *rest = self.asked.split("_")
        return head + "".join(part.capitalize() for part in rest)


def parse(query: str, variables: Mapping[str, Any]) -> Call:
    """Read a query or mutation with one root field.

    >>> parse("query($n: Int) { rounds(number: $n) { number } }", {"n": 0})
    Call(asked='rounds', arguments={'number': 0}, selection={'number': {}}, mutation=False)

    Raises:
        GraphQLError: it cannot be read.
    """
    tokens = _TOKEN.findall(query)
    try:
        mutation = tokens[0] == "mutation"
        tokens = _skip_head(tokens)
        name, rest = tokens[0], tokens[1:]
        arguments, rest = _arguments(rest, variables)
        selection = _selection(rest)[0] if rest[0] == "{" else {}
    except (IndexError, ValueError) as error:
        raise GraphQLError(f"syntax error: {error}") from None
    return Call(name, arguments, selection, mutation)


def prune(value: Any, selection: Selection) -> Any:
    """The part of a result that was asked for; a field that is not known is null.

    >>> prune([{"number": 3, "target": "x"}], {"number": {}, "scoreTime": {}})
    [{'number': 3, 'scoreTime': None}]
    """
    if isinstance(value, list):
        return [prune(item, selection) for item in value]
    if not selection or not isinstance(value, dict):
        return value
    return {name: prune(value.get(name), inner) for name, inner in selection.items()}


def _skip_head(tokens: list[str]) -> list[str]:
    depth = 0
    for place, mark in enumerate(tokens):
        depth += (mark == "(") - (mark == ")")
        if mark == "{" and depth == 0:
            return tokens[place + 1 :]
    raise ValueError("no selection")


def _arguments(tokens: list[str], variables: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    if tokens[0] != "(":
        return {}, tokens
    end = tokens.index(")")
    inside = tokens[1:end]
    if len(inside) % 3 or any(colon != ":" for colon in inside[1::3]):
        raise ValueError("arguments")
    values = [_value(token, variables) for token in inside[2::3]]
    return dict(zip(inside[::3], values, strict=True)), tokens[end + 1 :]


def _value(token: str, variables: Mapping[str, Any]) -> Any:
    if token.startswith("$"):
        return variables.get(token[1:])
    return _CONSTANTS[token] if token in _CONSTANTS else json.loads(token)


def _selection(tokens: list[str]) -> tuple[Selection, list[str]]:
    found: Selection = {}
    rest = tokens[1:]
    while rest[0] != "}":
        name, rest = rest[0], rest[1:]
        found[name] = {}
        if rest[0] == "{":
            found[name], rest = _selection(rest)
    return found, rest[1:]
