"""Era labels, their order and the selection grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erazoo.eras import EraAxis, era_number
from erazoo.errors import ConfigError, SchemaError

AXIS = EraAxis(tuple(f"{e:04d}" for e in range(1, 21)))
DATED = EraAxis(("2023-12-29", "2024-01-05", "2024-01-12", "2024-01-19"))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("all", list(range(1, 21))),
        ("even", list(range(2, 21, 2))),
        ("odd", list(range(1, 21, 2))),
        ("every:4", [1, 5, 9, 13, 17]),
        ("3..6", [3, 4, 5, 6]),
        ("0003..6 & odd", [3, 5]),
        ("2, 4,19..99", [2, 4, 19, 20]),
        ("1..10&every:4,20", [1, 5, 9, 20]),
    ],
)
def test_selections(expression: str, expected: list[int]) -> None:
    assert [int(e) for e in AXIS.select(expression)] == expected


def test_dated_eras() -> None:
    assert DATED.select("2024-01-01..2024-01-12") == ("2024-01-05", "2024-01-12")
    assert DATED.select("every:2") == ("2023-12-29", "2024-01-12")
    assert [DATED.position(e) for e in DATED.eras] == [0, 1, 2, 3]


@pytest.mark.parametrize("expression", ["", "evn", "every:0", "1...3", "a..b", "all,"])
def test_unreadable_selections(expression: str) -> None:
    with pytest.raises(ConfigError, match="cannot be parsed"):
        AXIS.select(expression)


def test_an_empty_selection_is_an_error() -> None:
    with pytest.raises(ConfigError, match="names no era.*0001 to 0020"):
        AXIS.select("30..40")


@pytest.mark.parametrize(
    ("eras", "message"),
    [
        (("0002", "0001"), "not in chronological order"),
        (("0001", "0001"), "two places"),
        (("0001", "2024-01-01"), "mix numbers and dates"),
        (("0001", "era2"), "cannot be parsed"),
        (("2024-02-30",), "cannot be parsed"),
    ],
)
def test_bad_axes(eras: tuple[str, ...], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        EraAxis(eras)


@given(st.sets(st.integers(0, 99999), min_size=1, max_size=30), st.integers(1, 7))
def test_every_nth_counts_original_eras(numbers: set[int], step: int) -> None:
    eras = tuple(f"{n:04d}" for n in sorted(numbers))
    axis = EraAxis(eras)
    chosen = axis.select(f"every:{step}")
    assert {era_number(e) for e in chosen} == {n for n in numbers if (n - min(numbers)) % step == 0}
