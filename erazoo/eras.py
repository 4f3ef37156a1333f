"""Eras: their order, their original positions and the grammar that selects them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from functools import cached_property

from erazoo.errors import ConfigError, SchemaError, UnsortedError

LIVE_ERA = "X"
_DIGITS = re.compile(r"[0-9]{1,9}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CALENDAR = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])?")
"""Months and days written as numbers, such as 202403 and 20240301."""


def era_number(era: str) -> int:
    """A sortable number for one era label: the era itself, or the day of a date.

    >>> era_number("0012"), era_number("1990-01-05")
    (12, 726472)

    Raises:
        SchemaError: the label is neither digits nor an ISO date.
    """
    if _DIGITS.fullmatch(era):
        return int(era)
    if _DATE.fullmatch(era):
        try:
            return dt.date.fromisoformat(era).toordinal()
        except ValueError:
            pass
    raise SchemaError(
        "an era label cannot be parsed",
        received=repr(era),
        expected="digits such as '0001' or a date such as '2024-03-01'",
    )


def _is_dated(era: str) -> bool:
    return bool(_DATE.fullmatch(era) or _CALENDAR.fullmatch(era))


class EraAxis:
    """The whole chronological sequence of a panel's eras.

    A purge counts in ORIGINAL eras: numbered eras keep their numbers, so that a panel holding
    every fourth era is still purged by the right span; dated eras, also those written as numbers
    such as 20240301 or 202403, are counted by their place in the full sequence.

    >>> EraAxis(("0001", "0005", "0009")).position("0009")
    9
    >>> EraAxis(("2024-01-05", "2024-01-12")).position("2024-01-12")
    1
    """

    def __init__(self, eras: Sequence[str]) -> None:
        self.eras = tuple(eras)
        numbers = [era_number(era) for era in self.eras]
        self.dated = bool(self.eras) and _is_dated(self.eras[0])
        if any(_is_dated(era) != self.dated for era in self.eras):
            raise SchemaError(
                "era labels mix numbers and dates",
                received=", ".join(self.eras[:3]),
                expected="one kind in one panel",
            )
        for earlier, later, label in zip(numbers, numbers[1:], self.eras[1:], strict=False):
            if later <= earlier:
                raise UnsortedError.at(
                    f"era {label!r} after a later or equal one",
                    "eras are not in chronological order, or one era stands in two places",
                )
        self._numbers = numbers

    @cached_property
    def _positions(self) -> dict[str, int]:
        values = range(len(self.eras)) if self.dated else self._numbers
        return dict(zip(self.eras, values, strict=True))

    def position(self, era: str) -> int:
        """The original position of `era`; KeyError for a foreign label."""
        return self._positions[era]

    def select(self, expression: str) -> tuple[str, ...]:
        """Eras named by an expression, in order.

        Terms are `all`, `even`, `odd`, `every:N`, `A..B` (both included) or a label; a comma
        joins, `&` intersects and binds tighter.

        >>> EraAxis(("0001", "0002", "0003", "0004", "0005")).select("2..5&even,1")
        ('0001', '0002', '0004')

        Raises:
            ConfigError: the expression cannot be parsed or names no era.
        """
        chosen: set[str] = set()
        for part in expression.split(","):
            terms = [self._term(term.strip(), expression) for term in part.split("&")]
            chosen |= set.intersection(*terms)
        if not chosen:
            raise ConfigError(
                f"the era selection {expression!r} names no era",
                expected=f"eras from {self.eras[0]} to {self.eras[-1]}" if self.eras else None,
            )
        return tuple(era for era in self.eras if era in chosen)

    def _term(self, term: str, expression: str) -> set[str]:
        if term == "all":
            return set(self.eras)
        if term in ("even", "odd"):
            parity = 0 if term == "even" else 1
            return {era for era in self.eras if self.position(era) % 2 == parity}
        if match := re.fullmatch(r"every:([1-9]\d*)", term):
            step, first = int(match[1]), self.position(self.eras[0])
            return {era for era in self.eras if (self.position(era) - first) % step == 0}
        try:
            first_label, _, last_label = term.partition("..")
            low = era_number(first_label.strip())
            high = era_number(last_label.strip()) if last_label else low
        except SchemaError:
            raise ConfigError(
                f"the era selection {expression!r} cannot be parsed",
                received=repr(term),
                expected="all, even, odd, every:N, A..B or an era",
            ) from None
        return {e for e, n in zip(self.eras, self._numbers, strict=True) if low <= n <= high}
