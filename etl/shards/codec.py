"""Blocks of rows to `tf.train.Example` records and back.

Keys of a record: `era` (bytes), `rows` (int64), `features` (bytes, row-major int8 or
little-endian float32, or packed quintiles), `targets` and `references` (bytes, row-major
little-endian float32), `ids` (list of bytes, UTF-8) and, where the set is weighted, `weights`
(bytes, little-endian float32).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ShardError
from erazoo.panel import EraBlock
from etl.shards.example import example_class
from etl.shards.format import ShardFormat
from etl.shards.packed import TRIPLE, base_of, bytes_of, pack, unpack

FLOAT = np.dtype("<f4")


def encode(block: EraBlock, form: ShardFormat) -> bytes:
    """One record; equal blocks give equal bytes."""
    example = example_class()()
    feature = example.features.feature
    feature["era"].bytes_list.value.append(block.era.encode())
    feature["rows"].int64_list.value.append(len(block))
    feature["features"].bytes_list.value.append(_features(block.features, form))
    feature["targets"].bytes_list.value.append(_little(block.targets).tobytes())
    feature["references"].bytes_list.value.append(_little(block.references).tobytes())
    feature["ids"].bytes_list.value.extend(str(i).encode() for i in block.ids)
    if form.weighted:
        weights = np.ones(len(block), np.float32) if block.weights is None else block.weights
        feature["weights"].bytes_list.value.append(_little(weights).tobytes())
    return bytes(example.SerializeToString(deterministic=True))


def decode(
    record: bytes,
    form: ShardFormat,
    *,
    with_features: bool = True,
    columns: NDArray[np.int64] | None = None,
) -> EraBlock:
    """The block of a record; with features (rows, 0) where they are not wanted.

    Args:
        record: what `encode` gave.
        form: how it holds the rows.
        with_features: whether features are decoded.
        columns: positions of the features that are wanted, in order; all where None.

    Raises:
        ShardError: the record's fields do not fit its row count and the format.
    """
    feature = example_class().FromString(record).features.feature
    try:
        rows = int(feature["rows"].int64_list.value[0])
        block = EraBlock(
            era=feature["era"].bytes_list.value[0].decode(),
            ids=np.array([i.decode() for i in feature["ids"].bytes_list.value], dtype=object),
            features=_decoded(feature["features"], form, rows, columns)
            if with_features
            else np.empty((rows, 0), form.spec.dtype),
            targets=_matrix(feature["targets"], FLOAT, rows, len(form.targets)),
            references=_matrix(feature["references"], FLOAT, rows, len(form.references)),
            weights=_matrix(feature["weights"], FLOAT, rows, 1)[:, 0] if form.weighted else None,
        )
    except (IndexError, ValueError) as error:
        raise ShardError("a record does not fit the manifest's schema", received=error) from None
    if len(block.ids) != rows:
        raise ShardError("a record's ids do not fit its rows", received=f"{len(block.ids)}/{rows}")
    return block


def _features(values: NDArray[Any], form: ShardFormat) -> bytes:
    if form.codec == "packed":
        return pack(np.ascontiguousarray(values), base_of(form.spec)).tobytes()
    return _little(values).tobytes()


def _decoded(
    feature: Any, form: ShardFormat, rows: int, columns: NDArray[np.int64] | None
) -> NDArray[Any]:
    if form.codec != "packed":
        matrix = _matrix(feature, form.spec.dtype, rows, form.width)
        return matrix if columns is None else np.take(matrix, columns, axis=1)
    packed, base = _matrix(feature, np.dtype(np.uint8), rows, form.width), base_of(form.spec)
    if columns is None:
        return unpack(packed, len(form.spec.names), base)
    held, places = bytes_of(columns)
    codes = unpack(np.take(packed, held, axis=1), TRIPLE * len(held), base)
    return np.take(codes, places, axis=1)


def _little(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))


def _matrix(feature: Any, dtype: np.dtype[Any], rows: int, columns: int) -> NDArray[Any]:
    raw = feature.bytes_list.value[0]
    return np.frombuffer(raw, dtype=dtype.newbyteorder("<")).reshape(rows, columns)
