"""A look at a data set: what its files say without being read through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from erazoo.config import Config
from erazoo.rundir import RunDir
from etl.build import open_data
from etl.columns import feature_sets
from etl.dataset import Dataset
from etl.inspection.gaps import Marks
from etl.inspection.look import Look
from etl.sorting import in_order, sorting_stage


def data_look(config: Config, run: RunDir) -> Look:
    """A look at the data set of an experiment, as far as its shards are made from it.

    Rows that `erazoo shard --sort` has put in order are read from where they lie now.

    Raises:
        DataError: data that cannot be used.
    """
    data = open_data(config, run)
    if config.data.sort and sorting_stage(data, run).done():
        data = in_order(data, run)
    rows_of = data.rows_of
    names = _names([table.path for table in data.tables])
    tables = dict(zip(names, data.tables, strict=True))
    return Look(
        panel=data,
        rows_of=rows_of,
        part_of={era.era: name for name, table in tables.items() for era in table.runs},
        files_of=dict.fromkeys(tables, 1),
        bytes_of={name: table.path.stat().st_size for name, table in tables.items()},
        marks=Marks.raw(data.spec),
        trained=None,
        facts={
            "kind": "data",
            "place": data.files.place,
            "target": data.targets[0],
            "alias": data.alias_of(),
            "storage": {"files": len(tables), "values": data.files.values},
            "other_files": _other_files(data),
            "live_rows": _live_rows(data),
            "offered": _offered(data),
        },
    )


def _names(paths: Sequence[Path]) -> list[str]:
    """Names of files, with their folders where the names alone do not differ."""
    known = Counter(path.name for path in paths)
    return [path.name if known[path.name] == 1 else str(path) for path in paths]


def _other_files(data: Dataset) -> dict[str, int]:
    """Bytes of the files beside the history, by name."""
    files = data.files
    beside = [files.features, *files.references, *files.live_references, files.live]
    there = [path for path in beside if path is not None and path.is_file()]
    return {n: p.stat().st_size for n, p in zip(_names(there), there, strict=True)}


def _live_rows(data: Dataset) -> int | None:
    live = data.files.live
    return data.files.open(live).rows if live is not None and live.is_file() else None


def _offered(data: Dataset) -> dict[str, int]:
    """Features of every set and group of the data set, used or not."""
    sets = feature_sets(data.files, data.tables[0].columns, needed=True)
    return {name: len(members) for name, members in sets.items()}
