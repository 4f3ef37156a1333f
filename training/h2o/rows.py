"""Rows of shards as a parquet file that H2O and Spark import themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from erazoo.errors import SchemaError
from erazoo.panel import OWN_CODE, EraBlock, FeatureSpec
from etl.shards import ShardSet

# mojo_scorer.jy knows them by their first word
TARGET, WEIGHT, FOLD = "erazoo.target", "erazoo.weight", "erazoo.fold"
GROUP_ROWS, GROUPS = (16_384, 65_536), 32
"""Rows a row group, and row groups a file, about. H2O works on row groups side by side, and for
each stretch of a file it reads what the file says of all of them."""


@dataclass(frozen=True)
class Written:
    """A file of rows.

    Args:
        path: of the parquet file.
        rows: in it, each with a target.
        weighted: whether the rows carry weights.
        folds: how many folds its rows are assigned to, 0 for none.
    """

    path: Path
    rows: int
    weighted: bool
    folds: int = 0


def write_rows(
    data: ShardSet,
    eras: Sequence[str],
    target: str,
    path: Path,
    folds: Mapping[str, int] | None = None,
    *,
    training: bool = True,
) -> Written:
    """Write the rows of some eras whose target is resolved, era by era.

    Columns: every feature, the target, the weight where shards carry weights, and with `folds` the
    number of the era's fold. A missing value is null. Memory: one row group.

    Args:
        data: the shards.
        eras: whose rows.
        target: the column learned.
        path: of the file.
        folds: a number an era; eras without one are left out.
        training: leave out the rows that do not count in training, and write weights.

    Raises:
        SchemaError: a feature has the name of one of the columns beside them.
    """
    if taken := {TARGET, WEIGHT, FOLD} & set(data.spec.names):
        raise SchemaError("a feature has a name that erazoo needs itself", received=min(taken))
    weighted = training and data.manifest.form.weighted
    schema = _schema(data.spec, weighted, folds is not None)
    column, rows = data.target_index(target), 0
    kept = [era for era in eras if folds is None or era in folds]

    def tables() -> Iterator[pa.Table]:
        for block in data.blocks(kept, training=training):
            known = block.take(np.isfinite(block.targets[:, column]))
            fold = None if folds is None else folds[block.era]
            columns = _columns(known, column, data.spec, weighted, fold)
            yield pa.table(columns, schema=schema)

    with pq.ParquetWriter(path, schema, compression="none") as writer:
        for group in _groups(tables(), _group_rows(data.rows(kept, target, training=training))):
            writer.write_table(group, row_group_size=max(1, len(group)))
            rows += len(group)
    return Written(path, rows, weighted, len(set(folds.values())) if folds else 0)


def _schema(spec: FeatureSpec, weighted: bool, folded: bool) -> pa.Schema:
    kind = pa.int8() if spec.dtype == np.int8 else pa.float32()
    fields = [(name, kind) for name in spec.names] + [(TARGET, pa.float32())]
    fields += [(WEIGHT, pa.float32())] if weighted else []
    return pa.schema([*fields, *([(FOLD, pa.int32())] if folded else [])])


def _group_rows(rows: int) -> int:
    """Rows a row group of a file.

    >>> _group_rows(200_000), _group_rows(1_000_000), _group_rows(5_000_000)
    (16384, 31250, 65536)
    """
    least, most = GROUP_ROWS
    return min(max(least, rows // GROUPS), most)


def _groups(tables: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """Whole eras together, until they make a row group."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= size:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _columns(
    block: EraBlock, target: int, spec: FeatureSpec, weighted: bool, fold: int | None
) -> list[pa.Array]:
    across = np.ascontiguousarray(block.features.T)
    columns = [pa.array(values, mask=_missing(values, spec)) for values in across]
    columns.append(pa.array(np.ascontiguousarray(block.targets[:, target])))
    if weighted:
        weights = np.ones(len(block), np.float32) if block.weights is None else block.weights
        columns.append(pa.array(weights))
    if fold is not None:
        columns.append(pa.array(np.full(len(block), fold, np.int32)))
    return columns


def _missing(values: NDArray[Any], spec: FeatureSpec) -> NDArray[np.bool_] | None:
    if spec.dtype != np.int8:
        return np.asarray(np.isnan(values))
    return np.asarray(values == OWN_CODE) if spec.missing == OWN_CODE else None
