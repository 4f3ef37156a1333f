"""`data.sort`: panels whose rows do not stand era by era, sorted into the run directory once."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from erazoo.eras import EraAxis, era_number
from erazoo.errors import SchemaError, UnsortedError
from erazoo.logs import LOGGER
from erazoo.publish import fingerprint, make_dir, read_json, write_json
from erazoo.rundir import RunDir, Stage
from etl.dataset import Dataset, check_label
from etl.files import DataFiles
from etl.grids import floats
from etl.references import ReferenceTable
from etl.tables import EraTable
from etl.tables.base import era_labels
from etl.tablesort import Columns, TableSort

FOLDER = "sorted"
HISTORY = "history"
OWNER = "owner.json"


def in_order(data: Dataset, run: RunDir) -> Dataset:
    """The panel with its rows era by era: itself, or one sorted into the run directory.

    What was sorted is known by the content of the files and the columns that are used, and
    serves again; what no longer fits is deleted. Memory and disk: see `etl.tablesort`.

    Raises:
        SchemaError: an era or id is missing, a feature off its grid, one era under two labels.
    """
    stage = sorting_stage(data, run)
    if not stage.done():
        begun = time.monotonic()
        stage.forget()
        if not is_scattered(data):
            sweep_sorted(run)
            return data
        folder = run.path(FOLDER)
        _claim(folder, stage.key)
        found = {name: sort.run() for name, sort in _jobs(data, folder).items()}
        names = {k: [str(p.relative_to(run.root)) for p in parts] for k, parts in found.items()}
        outputs = [path for parts in found.values() for path in parts]
        stage.finish(outputs, names, time.monotonic() - begun)
    return data.of(_sorted_files(data, run, stage.summary()))


def sorting_stage(data: Dataset, run: RunDir) -> Stage:
    """The record of a sort of these files and columns."""
    files = data.files
    prints = [run.checksum(path) for path in files.sources]
    columns = [files.era, files.id, files.values, data.spec.names, data.targets]
    return run.stage("sort", {}, {"prints": prints, "columns": fingerprint(columns)})


def sweep_sorted(run: RunDir) -> None:
    """Delete what was sorted."""
    shutil.rmtree(run.path(FOLDER), ignore_errors=True)
    run.path("stages", "sort.json").unlink(missing_ok=True)


class Scattered(Dataset):
    """A panel whose rows stand in any order: eras can be counted, not read."""

    def __init__(self, data: Dataset) -> None:
        self.__dict__.update(data.__dict__)

    @cached_property
    def rows_of(self) -> Mapping[str, int]:
        """Rows by era, in chronological order; a pass over the era columns alone."""
        return era_counts(self.tables)

    def resolved(self, target: str) -> tuple[str, ...]:
        """Eras in which `target` has a value, from a pass over two columns."""
        found: set[str] = set()
        for table in self.tables:
            for first, batch in table.scan([target, table.era]):
                known = pa.array(np.isfinite(floats(batch.column(0))))
                labels = era_labels(batch.column(1), f"{table.era} of {table.path}", first)
                found.update(pc.unique(labels.filter(known)).to_pylist())
        return tuple(era for era in self.rows_of if era in found)


def is_scattered(data: Dataset) -> bool:
    """Whether rows of the history or of a reference file stand out of order.

    Raises:
        SchemaError: an era is missing or cannot be parsed.
    """
    try:
        eras = data.eras()
    except UnsortedError:
        return True
    return any(_out_of_order(reference, eras) for reference in data.reference_tables)


def era_counts(tables: Sequence[EraTable]) -> dict[str, int]:
    """Rows by era, in chronological order, however the rows stand.

    Raises:
        SchemaError: an era is missing, cannot be parsed, or has two labels.
    """
    counts: Counter[str] = Counter()
    for table in tables:
        for first, labels in table.labels():
            held = _tally(labels)
            for label in held.keys() - counts.keys():
                check_label(label, table, first + pc.index(labels, label).as_py())
            counts += held
    ordered = sorted(counts, key=era_number)
    for one, other in pairwise(ordered):
        if era_number(one) == era_number(other):
            raise SchemaError("one era has two labels", received=f"{one!r} and {other!r}")
    return {era: counts[era] for era in EraAxis(ordered).eras}


def _jobs(data: Dataset, folder: Path) -> dict[str, TableSort]:
    """What is out of order: the history, and reference files against it."""
    counts = era_counts(data.tables)
    LOGGER.info("sort: %d rows of %d eras", sum(counts.values()), len(counts))
    jobs = {}
    if not _stands(data):
        jobs[HISTORY] = TableSort(folder / HISTORY, data.tables, Columns.of(data), counts)
    for number, reference in enumerate(data.reference_tables):
        if _out_of_order(reference, tuple(counts)):
            name = _reference(number)
            held = sum((_tally(labels) for _, labels in reference.table.labels()), Counter())
            wanted = {era: held[era] for era in counts if era in held}
            columns = Columns.of_reference(reference)
            jobs[name] = TableSort(folder / name, [reference.table], columns, wanted)
    return jobs


def _sorted_files(data: Dataset, run: RunDir, found: Mapping[str, Sequence[str]]) -> DataFiles:
    def parts(name: str, standing: Sequence[Path]) -> tuple[Path, ...]:
        return tuple(map(run.path, found[name])) if name in found else tuple(standing)

    files = data.files
    joined = [
        path
        for number, standing in enumerate(files.references)
        for path in parts(_reference(number), [standing])
    ]
    codes = "quintile" if data.spec.dtype == np.int8 else "float"
    return replace(
        files,
        history=parts(HISTORY, files.history),
        references=tuple(joined),
        values=codes if HISTORY in found else files.values,
    )


def _tally(labels: Any) -> Counter[str]:
    return Counter({v["values"]: v["counts"] for v in pc.value_counts(labels).to_pylist()})


def _stands(data: Dataset) -> bool:
    try:
        return bool(data.eras())
    except UnsortedError:
        return False


def _out_of_order(reference: ReferenceTable, eras: Sequence[str]) -> bool:
    place = {era: i for i, era in enumerate(eras)}
    try:
        runs = [place[run.era] for run in reference.table.runs if run.era in place]
    except UnsortedError:
        return True
    return runs != sorted(runs)


def _claim(folder: Path, key: str) -> None:
    """Make the folder that of a sort; what another one left there is deleted."""
    owner = folder / OWNER
    if not owner.is_file() or read_json(owner)["key"] != key:
        shutil.rmtree(folder, ignore_errors=True)
        write_json(make_dir(folder) / OWNER, {"key": key})


def _reference(number: int) -> str:
    return f"reference-{number}"
