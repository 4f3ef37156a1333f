"""Which rows of a price table can be used, in counts and reasons."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from erazoo.errors import DataError, SchemaError
from etl.prices.read import PRICE_COLUMNS

TOLERATED_SHARE = 0.05
SLACK = 1e-6
NO_SYMBOL = "no symbol"
NO_CLOSE = "no close"
BAD_CLOSE = "close not above zero"
REPEATED = "repeated row"
BAD_RANGE = "high and low that do not enclose open and close"
BAD_VOLUME = "volume below zero or infinite"


@dataclass(frozen=True)
class CleanPrices:
    """Usable rows and what was taken out.

    Args:
        frame: symbol, date and value columns, one row a symbol and date, sorted by both.
        dropped: rows left out, by reason.
        blanked: rows of which a range or a volume was set to missing, by reason.
    """

    frame: pl.DataFrame
    dropped: dict[str, int]
    blanked: dict[str, int]


def clean(frame: pl.DataFrame) -> CleanPrices:
    """Drop what is no quote, blank what contradicts itself, refuse what cannot be decided.

    A missing quote or a repeated row is left out. A close that is not a positive number is left
    out too, and a range or a volume that cannot be true is set to missing, as long as few rows
    are so.

    Raises:
        SchemaError: two different rows for one symbol and date, or more than one row in twenty
            with a false price, range or volume.
        DataError: nothing is left.
    """
    dropped: dict[str, int] = {}
    total = frame.height
    for reason, bad in (
        (NO_SYMBOL, pl.col("symbol").is_null() | (pl.col("symbol").str.strip_chars() == "")),
        (NO_CLOSE, pl.col("close").is_null()),
        (BAD_CLOSE, (pl.col("close") <= 0) | pl.col("close").is_infinite()),
    ):
        kept = frame.filter(~bad)
        dropped[reason], frame = frame.height - kept.height, kept
    _tolerate(BAD_CLOSE, dropped[BAD_CLOSE], total)
    unique = frame.unique(maintain_order=True)
    dropped[REPEATED] = frame.height - unique.height
    _refuse_conflicts(unique)
    if unique.is_empty():
        reasons = ", ".join(f"{count} with {reason}" for reason, count in dropped.items() if count)
        raise DataError("the price files hold no usable row", received=reasons or "no row")
    blanked = _contradictions(unique)
    return CleanPrices(
        frame=_blank(unique).sort("symbol", "date"),
        dropped={reason: count for reason, count in dropped.items() if count},
        blanked={reason: count for reason, count in blanked.items() if count},
    )


def _refuse_conflicts(frame: pl.DataFrame) -> None:
    twice = frame.filter(pl.struct("symbol", "date").is_duplicated())
    if twice.is_empty():
        return
    symbol, date = twice.sort("symbol", "date").select("symbol", "date").row(0)
    raise SchemaError(
        "two different rows stand for one symbol and date",
        received=f"{symbol} on {date}, {twice.height} such rows in all",
        expected="daily bars, one row a symbol and date",
    )


def _tolerate(reason: str, count: int, total: int) -> None:
    if count > TOLERATED_SHARE * total:
        raise SchemaError(
            f"too many price rows with {reason}",
            received=f"{count} of {total} rows",
            expected=f"at most {TOLERATED_SHARE:.0%}",
            hint="Adjusted closes beside unadjusted ranges look like this; leave such columns out"
            if reason == BAD_RANGE
            else None,
        )


def _contradictions(frame: pl.DataFrame) -> dict[str, int]:
    counts = {
        reason: int(frame.select(bad.fill_null(value=False).sum()).item())
        for reason, bad in _tests(frame).items()
    }
    for reason, count in counts.items():
        _tolerate(reason, count, frame.height)
    return counts


def _blank(frame: pl.DataFrame) -> pl.DataFrame:
    targets = {BAD_RANGE: ("open", "high", "low"), BAD_VOLUME: ("volume",)}
    for reason, bad in _tests(frame).items():
        present = [name for name in targets[reason] if name in frame.columns]
        good = ~bad.fill_null(value=False)
        frame = frame.with_columns(pl.when(good).then(pl.col(name)).alias(name) for name in present)
    return frame


def _tests(frame: pl.DataFrame) -> dict[str, pl.Expr]:
    """The contradictions that the table's columns can show; each is true where a row is false."""
    tests: dict[str, pl.Expr] = {}
    prices = [name for name in PRICE_COLUMNS if name in frame.columns]
    if len(prices) > 1:
        bad = pl.min_horizontal(prices) <= 0
        for name in set(prices) - {"high"} if "high" in prices else ():
            bad = bad | (pl.col(name) > pl.col("high") * (1 + SLACK)).fill_null(value=False)
        for name in set(prices) - {"low"} if "low" in prices else ():
            bad = bad | (pl.col(name) < pl.col("low") * (1 - SLACK)).fill_null(value=False)
        infinite = pl.max_horizontal(prices).is_infinite()
        tests[BAD_RANGE] = bad | infinite
    if "volume" in frame.columns:
        tests[BAD_VOLUME] = (pl.col("volume") < 0) | pl.col("volume").is_infinite()
    return tests
