"""Row identifiers: read, made unique where they name assets, and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from erazoo.errors import SchemaError
from etl.tables.base import plain


def row_ids(column: Any, place: str, first: int = 0) -> NDArray[np.object_]:
    """An id column as texts (rows,).

    Args:
        column: texts or whole numbers, dictionary-encoded or not.
        place: column and file, for messages.
        first: the column's first row in the file, for messages.

    Raises:
        SchemaError: an id is missing or stands twice in these rows.
    """
    texts = id_texts(column)
    if texts.null_count:
        row = first + pc.index(texts.is_null(), True).as_py()
        raise _not_unique(f"none in row {row} of {place}")
    ids = np.array(texts.to_pylist(), dtype=object)
    if len(set(ids)) != len(ids):
        seen: dict[str, int] = {}
        for row, name in enumerate(ids, first):
            if name in seen:
                raise _not_unique(f"{name!r} in rows {seen[name]} and {row} of {place}")
            seen[name] = row
    return ids


def id_texts(column: Any) -> Any:
    """An id column as an Arrow array of texts, nulls kept."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, plain(column.type))
    return pc.cast(column, pa.large_string())


def asset_rows(assets: NDArray[np.object_], era: str) -> NDArray[np.object_]:
    """The ids of assets in one era: `NAME_ERA`."""
    return np.array([f"{asset}_{era}" for asset in assets], dtype=object)


def check_unique(columns: Callable[[], Iterable[tuple[str, int, Any]]]) -> None:
    """Refuse an id that stands twice in a history; ids are held as eight-byte digests.

    Args:
        columns: gives (file, first row, ids) of the history, again each time it is called.

    Raises:
        SchemaError: how many are repeated, and where one of them stands.
    """
    digests = np.concatenate([id_digests(ids) for _, _, ids in columns()])
    ordered = np.sort(digests)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        found = [
            (ids[int(row)].as_py(), f"row {first + row} of {file}")
            for file, first, ids in columns()
            for row in np.flatnonzero(id_digests(ids) == twice[0])
        ]
        places = " and ".join(place for _, place in found[:2])
        raise SchemaError(
            "ids are not unique in the history",
            received=f"{len(twice)} repeated, one of them {str(found[0][0])!r} in {places}",
            expected="none",
            hint="Set data.ids = 'assets' if an id names an asset that returns in every era",
        )


def id_digests(column: Any) -> NDArray[np.uint64]:
    """Eight bytes for each id of a column, equal for equal texts within one process."""
    import polars as pl

    return np.asarray(pl.Series(id_texts(column)).hash(0).to_numpy())


def _not_unique(received: str) -> SchemaError:
    return SchemaError("ids are missing or repeated", received=received, expected="one id a row")
