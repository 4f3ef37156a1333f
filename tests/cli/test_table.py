"""Plain tables."""

from __future__ import annotations

import doctest

from erazoo.commands import table as module
from erazoo.commands.table import facts, table


def test_the_documented_example() -> None:
    assert doctest.testmod(module) == (0, 3)


def test_columns_are_aligned_and_numbers_stand_to_the_right() -> None:
    lines = table(["name", "n"], [["a", 5], ["long name", 123], ["b", None]]).splitlines()
    assert lines == ["name         n", "a            5", "long name  123", "b            -"]


def test_text_columns_stand_to_the_left_without_trailing_spaces() -> None:
    lines = table(["a", "b"], [["x", "1 of 2"], ["yy", ""]]).splitlines()
    assert lines == ["a   b", "x   1 of 2", "yy"]


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert table(["a"], [[-0.00001], [-0.0], [-0.1]]) == "      a\n 0.0000\n 0.0000\n-0.1000"
    assert facts("t", {"a": -0.00004}) == "t\n  a  0.0000"


def test_no_rows_leave_the_header() -> None:
    assert table(["a", "b"], []) == "a  b"


def test_facts_leave_out_what_has_no_place_on_a_line() -> None:
    values = {"corr": 0.5, "skipped": True, "none": None, "fold_names": "a", "list": [1]}
    assert facts("t", values) == "t\n  corr        0.5000\n  fold names  a"
    assert facts("t", {}) == "t"
