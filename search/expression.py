"""Expressions over parameters, such as `num_leaves <= 2 ** max_depth`, read without `eval`.

Allowed are numbers, texts, True and False, names of parameters, `+ - * / // % **`, comparisons
(`in` a list too), `and`, `or`, `not`, and the functions `min`, `max`, `abs`, `log` and `log2`.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from erazoo.errors import ConfigError
from erazoo.near import nearest

MOST_CHARACTERS, MOST_EXPONENT = 500, 64
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, several: value in several,
    ast.NotIn: lambda value, several: value not in several,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "log": math.log,
    "log2": math.log2,
}


@dataclass(frozen=True)
class Expression:
    """An expression that is true or false of a set of parameters.

    >>> Expression.of("num_leaves <= 2 ** max_depth").holds({"num_leaves": 8, "max_depth": 3})
    True

    Attributes:
        text: as it was written.
        names: of the parameters in it.
    """

    text: str
    names: frozenset[str]
    _tree: ast.expr

    @classmethod
    def of(cls, text: str) -> Expression:
        """Read an expression.

        Raises:
            ConfigError: it cannot be read, or holds something that is not allowed.
        """
        if not isinstance(text, str) or len(text) > MOST_CHARACTERS:
            expected = f"text of at most {MOST_CHARACTERS} characters"
            raise ConfigError("not an expression", received=str(text)[:60], expected=expected)
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            expected = "one such as num_leaves <= 2 ** max_depth"
            raise ConfigError(
                "an expression cannot be read", received=repr(text), expected=expected
            ) from None
        names: set[str] = set()
        _check(tree, text, names)
        return cls(text, frozenset(names), tree)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is true; also where a parameter in it is not there.

        Raises:
            ConfigError: it cannot be calculated, such as a division by zero.
        """
        if not self.names <= values.keys():
            return True
        try:
            return bool(_value(self._tree, values))
        except (ArithmeticError, TypeError, ValueError) as error:
            raise ConfigError(
                f"the expression {self.text!r} cannot be calculated",
                received=", ".join(f"{name} = {values[name]!r}" for name in sorted(self.names)),
                expected=str(error),
            ) from None

    def check_names(self, known: Iterable[str]) -> None:
        """Refuse names that are not parameters.

        Raises:
            ConfigError: one of them is unknown; the nearest known one is named.
        """
        listed = sorted(known)
        for name in sorted(self.names - set(listed)):
            raise ConfigError(
                f"the expression {self.text!r} names no parameter of the space",
                received=name,
                expected=nearest(name, listed),
            )


def _check(node: ast.AST, text: str, names: set[str]) -> None:
    """Refuse every kind of node that is not known, and gather the names."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str()):
            return
        case ast.Name(id=name):
            names.add(name)
        case ast.BinOp(op=op) if type(op) in _BINARY or isinstance(op, ast.Pow):
            _check_all((node.left, node.right), text, names)
        case ast.UnaryOp(op=op) if type(op) in _UNARY:
            _check(node.operand, text, names)
        case ast.BoolOp(values=values):
            _check_all(values, text, names)
        case ast.Compare(ops=ops) if all(type(op) in _COMPARED for op in ops):
            _check_all((node.left, *node.comparators), text, names)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            _check_all(parts, text, names)
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
            _check_all(node.args, text, names)
        case _:
            raise ConfigError(
                f"the expression {text!r} holds what is not allowed",
                received=type(node).__name__,
                expected="parameters, numbers, comparisons and arithmetic",
            )


def _check_all(nodes: Iterable[ast.AST], text: str, names: set[str]) -> None:
    for node in nodes:
        _check(node, text, names)


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(*_numbers(_value(left, values), _value(right, values)))
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](*_numbers(_value(left, values), _value(right, values)))
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, values))
        case ast.BoolOp(op=op, values=parts):
            several = (bool(_value(part, values)) for part in parts)
            return all(several) if isinstance(op, ast.And) else any(several)
        case ast.Compare():
            return _compared(node, values)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_value(part, values) for part in parts]
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _FUNCTIONS[name](*(_value(one, values) for one in arguments))
    raise TypeError(type(node).__name__)


def _compared(node: ast.Compare, values: Mapping[str, Any]) -> bool:
    sides = [_value(one, values) for one in (node.left, *node.comparators)]
    pairs = pairwise(sides)
    return all(
        _COMPARED[type(op)](left, right) for op, (left, right) in zip(node.ops, pairs, strict=True)
    )


def _numbers(left: Any, right: Any) -> tuple[float, float]:
    """Both sides of arithmetic; texts and lists have none."""
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise TypeError("arithmetic is with numbers")
    return left, right


def _power(base: float, exponent: float) -> Any:
    """A power small enough to be calculated at once."""
    if abs(exponent) > MOST_EXPONENT or abs(base) > 2.0**MOST_EXPONENT:
        raise OverflowError(f"a base and an exponent of at most 2 ** {MOST_EXPONENT} and 64")
    return base**exponent
