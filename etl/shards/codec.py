"""Blocks of rows to `tf.train.Example` records and back.

Keys of a record: `era` (bytes), `rows` (int64), `features` (bytes, row-major int8 or
little-endian float32), `targets` and `references` (bytes, row-major little-endian float32),
`ids` (list of bytes, UTF-8).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ShardError
from erazoo.panel import EraBlock
from etl.shards.example import example_class


def encode(block: EraBlock) -> bytes:
    """One record; equal blocks give equal bytes."""
    example = example_class()()
    feature = example.features.feature
    feature["era"].bytes_list.value.append(block.era.encode())
    feature["rows"].int64_list.value.append(len(block))
    feature["features"].bytes_list.value.append(_little(block.features).tobytes())
    feature["targets"].bytes_list.value.append(_little(block.targets).tobytes())
    feature["references"].bytes_list.value.append(_little(block.references).tobytes())
    feature["ids"].bytes_list.value.extend(str(i).encode() for i in block.ids)
    return bytes(example.SerializeToString(deterministic=True))


def decode(
    record: bytes, width: int, dtype: np.dtype[Any], targets: int, references: int
) -> EraBlock:
    """The block of a record with `width` features of `dtype`.

    Raises:
        ShardError: the record's fields do not fit its row count and the schema.
    """
    feature = example_class().FromString(record).features.feature
    try:
        rows = int(feature["rows"].int64_list.value[0])
        era = feature["era"].bytes_list.value[0].decode()
        block = EraBlock(
            era=era,
            ids=np.array([i.decode() for i in feature["ids"].bytes_list.value], dtype=object),
            features=_matrix(feature["features"], dtype, rows, width),
            targets=_matrix(feature["targets"], np.dtype("<f4"), rows, targets),
            references=_matrix(feature["references"], np.dtype("<f4"), rows, references),
        )
    except (IndexError, ValueError) as error:
        raise ShardError("a record does not fit the manifest's schema", received=error) from None
    if len(block.ids) != rows:
        raise ShardError("a record's ids do not fit its rows", received=f"{len(block.ids)}/{rows}")
    return block


def _little(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))


def _matrix(feature: Any, dtype: np.dtype[Any], rows: int, columns: int) -> NDArray[Any]:
    raw = feature.bytes_list.value[0]
    return np.frombuffer(raw, dtype=dtype.newbyteorder("<")).reshape(rows, columns)
