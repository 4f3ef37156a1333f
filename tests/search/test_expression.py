"""Expressions over parameters mean what Python means, and nothing else can be said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erazoo.errors import ConfigError
from search.expression import Expression

NAMES = ("a", "b", "c")
numbers = st.integers(-5, 9) | st.floats(-4, 4, allow_nan=False).map(lambda x: round(x, 2))


def arithmetic(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({' '.join(t)})")
    return joined | inner.map(lambda t: f"-({t})") | inner.map(lambda t: f"abs({t})")


values = st.recursive(
    st.sampled_from(NAMES) | numbers.map(lambda n: f"({n!r})"), arithmetic, max_leaves=6
)
compared = st.tuples(values, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), values)
truths = st.recursive(
    compared.map(" ".join),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})")
        | inner.map(lambda t: f"not ({t})")
    ),
    max_leaves=4,
)


@given(truths, st.fixed_dictionaries(dict.fromkeys(NAMES, numbers)))
def test_an_expression_is_what_python_makes_of_it(text, values) -> None:
    allowed = len(text) <= 500
    if allowed:
        expected = bool(eval(text, {"abs": abs, "__builtins__": {}}, values))
        assert Expression.of(text).holds(values) is expected


def test_lists_functions_and_powers() -> None:
    values = {"depth": 3, "leaves": 8, "kind": "gbdt", "rate": 0.1}
    for text in (
        "leaves <= 2 ** depth",
        "kind in ['gbdt', 'goss'] and kind not in ('dart',)",
        "min(depth, leaves) == 3 and max(depth, 1) < log2(256)",
        "1 < depth <= 3 < leaves",
        "leaves // depth == 2 and leaves % depth == 2 and leaves / 16 == 0.5",
    ):
        assert Expression.of(text).holds(values), text
        assert not Expression.of(f"not ({text})").holds(values)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__",
        "depth.real",
        "[x for x in (1, 2)]",
        "lambda: 1",
        "depth[0]",
        "open('x')",
        "max(1, key=abs)",
        "f'{depth}'",
        "depth if 1 else 2",
        "depth := 3",
        "b'x'",
        "1j",
        "1 <",
        "",
        "1 +" * 200 + "1",
        "depth is 3",
        "~depth",
        "1 << 9",
    ],
)
def test_what_is_no_expression_is_refused(text) -> None:
    with pytest.raises(ConfigError):
        Expression.of(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("depth / zero > 1", {"depth": 1, "zero": 0}),
        ("depth ** depth > 1", {"depth": 65}),
        ("(2.0 ** 64) ** 64 ** 3 > 1", {}),
        ("'x' * depth == 'xx'", {"depth": 10**9}),
        ("depth < 'x'", {"depth": 1}),
        ("log(depth) > 0", {"depth": -1}),
        ("max() > 0", {}),
    ],
)
def test_what_cannot_be_calculated_says_with_which_values(text, values) -> None:
    with pytest.raises(ConfigError, match="cannot be calculated"):
        Expression.of(text).holds(values)


def test_an_expression_over_an_absent_parameter_holds_and_unknown_names_are_refused() -> None:
    expression = Expression.of("num_leave <= 4")
    assert expression.holds({"num_leaves": 100})
    with pytest.raises(ConfigError, match="num_leaves"):
        expression.check_names(["num_leaves", "max_depth"])
