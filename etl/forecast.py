"""What `erazoo shard` would write and hold in memory, told without writing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow.compute as pc

from erazoo.config import Config
from erazoo.errors import StaleDataError
from erazoo.folds import FoldPlan
from erazoo.machine import cores
from erazoo.panel import EraBlock, FeatureSpec
from erazoo.rundir import RunDir
from etl.build import ShardJob, fold_plan, open_data
from etl.cleaning.cleaning import INDICATOR
from etl.cleaning.rules import learns, rule_groups
from etl.dataset import Dataset
from etl.ids import id_texts
from etl.shards import ShardFormat
from etl.shards.codec import encode
from etl.shards.naming import ShardName
from etl.shards.plan import PlannedFile, plan_files
from etl.sorting import Scattered, in_order, is_scattered, sorting_stage
from etl.source import check_data, data_files, data_folder
from etl.splits import split_names
from etl.tables.base import batch_rows
from etl.tablesort import BUCKET_BYTES, Columns
from etl.workers import worker_count

FRAME_BYTES = 16
"""Length and checksums around a record of a TFRecord file."""
PROCESS_BYTES = 190 << 20
"""Python with its libraries before it reads data; this and the next two were measured."""
COLUMN_BYTES = 64 << 10
CELL_BYTES = {"int8": 12, "float32": 20}
ERA_COPIES = 3


def forecast(config: Config, run: RunDir) -> dict[str, Any] | None:
    """What `shard` would write, from the indexes of the tables and a pass over ids and targets.

    Returns:
        Files, rows, eras and bytes by split and in all, whether the bytes are `exact` or `at
        most`, and the memory of a worker and of all; None where the data are not there yet.

    Raises:
        DataError: data that cannot be used.
    """
    if not _there(config, run):
        return None
    data = open_data(config, run)
    sort = None
    if config.data.sort and is_scattered(data):
        if sorting_stage(data, run).done():
            data = in_order(data, run)
        else:
            data = Scattered(data)
            sort = _sort(data)
    plan, form = _decided(config, run, data)
    splits, files = split_names(config.split, plan), _files(config, plan, data)
    sizes, exact = _sizes(files, form, data)
    workers = _workers(config, files, data)
    worker = _worker_bytes(data, form)
    return {
        "eras": len(splits),
        "rows": sum(data.rows_of.values()),
        "features": len(form.spec.names),
        "targets": list(form.targets),
        "references": list(form.references),
        "splits": {
            name: _split(name, splits, files, sizes, data.rows_of)
            for name in dict.fromkeys(splits.values())
        },
        "files": len(files),
        "bytes": sum(sizes.values()),
        "bytes_are": "exact" if exact and not (sort and learns(config.clean)) else "at most",
        "codec": form.codec,
        "compression": form.compression,
        "folds": len(plan.development),
        "held_out_eras": len(plan.held_out.validation) if plan.held_out else 0,
        "purge": plan.purge,
        "embargo": plan.embargo,
        "workers": workers,
        "memory": {
            "worker": worker,
            "all": worker if workers == 1 else PROCESS_BYTES + workers * worker,
        },
        "sort": sort,
    }


def _there(config: Config, run: RunDir) -> bool:
    files = data_files(config, run)
    try:
        check_data(config, data_folder(config, run))
    except StaleDataError:
        return False
    return bool(files.history) and (files.features is None or files.features_stand)


def _decided(config: Config, run: RunDir, data: Dataset) -> tuple[FoldPlan, ShardFormat]:
    """Folds and format; of rows that are still to be sorted nothing is learned."""
    if not isinstance(data, Scattered):
        job = ShardJob.of(config, run, data)
        return job.plan, job.form
    section = config.shards
    rules = rule_groups(config.clean, data.spec)
    removes = any(g.rules.outliers != "none" and g.rules.action == "remove" for g in rules)
    form = ShardFormat(
        _widest([data.spec.names[c] for g in rules if g.rules.indicators for c in g.columns], data),
        (*data.targets, *config.targets),
        data.references,
        section.block_rows,
        section.codec,
        section.compression,
        removes or section.balance != "none",
    )
    return fold_plan(config, run, data), form


def _widest(indicated: Sequence[str], data: Dataset) -> FeatureSpec:
    names = (*data.spec.names, *(name + INDICATOR for name in indicated))
    return replace(data.spec, names=names)


def _files(config: Config, plan: FoldPlan, data: Dataset) -> tuple[PlannedFile, ...]:
    return plan_files(
        split_names(config.split, plan),
        data.rows_of,
        layout=config.shards.layout,
        shard_rows=config.shards.shard_rows,
        compression=config.shards.compression,
    )


def _sizes(
    files: Sequence[PlannedFile], form: ShardFormat, data: Dataset
) -> tuple[dict[str, int], bool]:
    """Bytes by file, and whether they are exact: ids of one length, nothing compressed."""
    shortest, longest = _id_lengths(data)

    @cache
    def record(rows: int, era: str) -> int:
        own = 1 + len(era) if data.files.ids == "assets" else 0
        return len(encode(_empty(rows, era, longest + own, form), form)) + FRAME_BYTES

    def size(file: PlannedFile) -> int:
        plain = 0
        for piece in file.pieces:
            full, rest = divmod(len(piece), form.block_rows)
            label = "0" * len(piece.era)
            plain += full * record(form.block_rows, label) if full else 0
            plain += record(rest, label) if rest else 0
        return plain if form.compression == "none" else plain + plain // 1000 + 64

    sizes = {file.name: size(file) for file in files}
    return sizes, shortest == longest and form.compression == "none"


def _empty(rows: int, era: str, text: int, form: ShardFormat) -> EraBlock:
    return EraBlock(
        era,
        np.full(rows, "0" * text, dtype=object),
        np.zeros((rows, len(form.spec.names)), form.spec.dtype),
        np.zeros((rows, len(form.targets)), np.float32),
        np.zeros((rows, len(form.references)), np.float32),
        np.ones(rows, np.float32) if form.weighted else None,
    )


def _id_lengths(data: Dataset) -> tuple[int, int]:
    """Fewest and most bytes of an id."""
    least, most = 1 << 62, 0
    for table in data.tables:
        for _, batch in table.scan([data.files.id]):
            found = pc.min_max(pc.binary_length(id_texts(batch.column(0)))).as_py()
            least, most = min(least, found["min"] or 0), max(most, found["max"] or 0)
    return least, most


def _split(
    name: str,
    splits: Mapping[str, str],
    files: Sequence[PlannedFile],
    sizes: Mapping[str, int],
    rows_of: Mapping[str, int],
) -> dict[str, Any]:
    eras = [era for era, split in splits.items() if split == name]
    mine = [file.name for file in files if ShardName.parse(file.name).split == name]
    return {
        "eras": len(eras),
        "first": eras[0],
        "last": eras[-1],
        "rows": sum(rows_of[era] for era in eras),
        "files": len(mine),
        "bytes": sum(sizes[file] for file in mine),
    }


def _workers(config: Config, files: Sequence[PlannedFile], data: Dataset) -> int:
    if isinstance(data, Scattered):
        return config.shards.workers or cores()
    return worker_count(files, data, config.shards.workers)


def _worker_bytes(data: Dataset, form: ShardFormat) -> int:
    """An estimate: libraries, open columns, packed pages, a batch and copies of the widest era."""
    columns = len(data.spec.names) + len(data.targets) + 2
    era = max(data.rows_of.values())
    cells = batch_rows(columns) * columns
    row = len(form.spec.names) * form.spec.dtype.itemsize + 4 * len(form.targets) + 100
    pages = max(table.page_bytes([*data.spec.names, *data.targets]) for table in data.tables)
    batch = cells * CELL_BYTES[data.spec.dtype.name]
    return PROCESS_BYTES + columns * COLUMN_BYTES + 2 * pages + batch + ERA_COPIES * era * row


def _sort(data: Dataset) -> dict[str, Any]:
    """The sort that comes first, by the columns of the history."""
    row = Columns.of(data).row.bytes
    rows = data.rows_of.values()
    columns = len(data.spec.names) + len(data.targets) + 2
    batch = 2 * batch_rows(columns) * columns * CELL_BYTES[data.spec.dtype.name]
    return {
        "rows": sum(rows),
        "disk": 2 * row * sum(rows),
        "memory": PROCESS_BYTES + columns * COLUMN_BYTES + batch + BUCKET_BYTES,
    }
