"""Price tables from disk: long or wide, parquet or CSV, into one long table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from erazoo.config.schema import PricesSection
from erazoo.errors import ConfigError, SchemaError
from erazoo.near import nearest

PRICE_COLUMNS = ("open", "high", "low", "close")
VALUE_COLUMNS = (*PRICE_COLUMNS, "volume")
ISO_DATE = r"^\s*(\d{4}-\d{2}-\d{2})(?:[T ].*)?$"


def resolve(section: PricesSection, root: Path) -> tuple[Path, ...]:
    """The section's files as paths; relative ones are taken from `root`.

    Raises:
        ConfigError: no file is named, a file is missing or of an unknown kind.
    """
    if not section.files:
        raise ConfigError(
            "prices.files names no file", expected="one or more parquet, .csv or .csv.gz files"
        )
    paths = tuple(root / name for name in section.files)
    for path in paths:
        if not path.name.lower().endswith((".parquet", ".csv", ".csv.gz")):
            raise ConfigError(
                "a price file of an unknown kind", received=str(path), expected=".parquet or .csv"
            )
        if not path.is_file():
            raise ConfigError(
                "a price file does not exist",
                received=str(path),
                hint="Relative files are taken from the folder in ERAZOO_DATA",
            )
    return paths


def read_table(path: Path, section: PricesSection) -> pl.DataFrame:
    """One file as the columns symbol, date and those of `VALUE_COLUMNS` that it has.

    Prices and volume are float64 with null for a missing value; rows keep the file's order.

    Raises:
        SchemaError: an unreadable or empty file, a missing or ambiguous column, a text among
            numbers, a date that cannot be parsed.
    """
    columns = _header(path)
    date = _column(columns, section.date, path)
    if date is None:
        raise _missing(section.date, columns, path)
    if section.layout == "wide":
        table = _wide(path, columns, date)
    else:
        table = _long(path, columns, date, section)
    return table.with_columns(_dates(table["date"], section.date_format, path))


def _long(path: Path, columns: Sequence[str], date: str, section: PricesSection) -> pl.DataFrame:
    found = {name: _column(columns, name, path) for name in VALUE_COLUMNS}
    symbol = _column(columns, section.symbol, path)
    for name, match in ((section.symbol, symbol), ("close", found["close"])):
        if match is None:
            raise _missing(name, columns, path)
    chosen = {"symbol": symbol, "date": date} | found
    source = {name: match for name, match in chosen.items() if match is not None}
    table = _load(path, list(source.values()), texts=[date, source["symbol"]])
    table = table.select(pl.col(match).alias(name) for name, match in source.items())
    values = [_numbers(table[name], name, path) for name in source if name in VALUE_COLUMNS]
    return table.with_columns(pl.col("symbol").cast(pl.String), *values)


def _wide(path: Path, columns: Sequence[str], date: str) -> pl.DataFrame:
    table = _load(path, columns, texts=[date])
    symbols = [name for name in table.columns if name != date]
    if not symbols:
        raise SchemaError("a wide price file has no symbol column", received=str(path))
    parts = [
        table.select(
            pl.lit(name).alias("symbol"),
            pl.col(date).alias("date"),
            _numbers(table[name], name, path).alias("close"),
        )
        for name in symbols
    ]
    return pl.concat(parts)


def _header(path: Path) -> list[str]:
    try:
        if path.suffix == ".parquet":
            return list(pq.read_schema(path).names)
        return pl.read_csv(path, n_rows=0, infer_schema=False).columns
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from None


def _load(path: Path, columns: Sequence[str], texts: Sequence[str]) -> pl.DataFrame:
    """The columns of a file; those of `texts` are kept as text where a CSV would guess."""
    try:
        if path.suffix == ".parquet":
            table = pl.DataFrame(pq.read_table(path, columns=list(columns)))
        else:
            kinds = dict.fromkeys(texts, pl.String)
            table = pl.read_csv(
                path, columns=list(columns), schema_overrides=kinds, infer_schema_length=None
            )
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from None
    if table.is_empty():
        raise SchemaError("a price file holds no row", received=str(path))
    return table


def _column(columns: Sequence[str], name: str, path: Path) -> str | None:
    matches = [c for c in columns if c.strip().lower() == name.lower()]
    if len(matches) > 1:
        raise SchemaError(
            f"two columns of {path} could be {name!r}", received=" and ".join(map(repr, matches))
        )
    return matches[0] if matches else None


def _missing(name: str, columns: Sequence[str], path: Path) -> SchemaError:
    return SchemaError(f"{path} has no column {name!r}", expected=nearest(name, columns))


def _unreadable(path: Path, error: Exception) -> SchemaError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return SchemaError(f"the price file {path} cannot be read", received=lines[0])


def _numbers(column: pl.Series, name: str, path: Path) -> pl.Series:
    """A numeric column as float64, NaN turned into null."""
    if column.dtype.is_numeric() or column.dtype == pl.Null:
        return column.cast(pl.Float64).fill_nan(None).alias(column.name)
    texts = column.cast(pl.String, strict=False)
    wrong = texts.filter(texts.is_not_null() & texts.cast(pl.Float64, strict=False).is_null())
    raise SchemaError(
        f"column {name!r} of {path} holds something other than numbers",
        received=repr(wrong[0]) if len(wrong) else f"the type {column.dtype}",
    )


def _dates(column: pl.Series, pattern: str, path: Path) -> pl.Series:
    """Dates, or the dates in UTC of times, as `pl.Date`."""
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        parsed = column.cast(pl.Date)
    elif column.dtype == pl.String and pattern:
        parsed = column.str.strip_chars().str.to_date(pattern, strict=False)
    elif column.dtype == pl.String:
        parsed = column.str.extract(ISO_DATE).str.to_date("%Y-%m-%d", strict=False)
    else:
        raise SchemaError(
            f"the dates of {path} are neither dates nor text", received=f"the type {column.dtype}"
        )
    if parsed.null_count():
        wrong = int(parsed.is_null().arg_true()[0])
        raise SchemaError(
            f"a date of {path} cannot be parsed, {parsed.null_count()} of {len(parsed)} in all",
            received=f"{column[wrong]!r}",
            expected=f"the pattern {pattern}" if pattern else "an ISO date such as 2024-03-01",
            hint=None if pattern else "Another form is given by prices.date_format",
        )
    return parsed.alias("date")
