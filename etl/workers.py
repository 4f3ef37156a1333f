"""Shards written by several processes, each reading its own stretch of the tables."""

from __future__ import annotations

import multiprocessing
import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from erazoo.errors import DataError
from erazoo.logs import LOGGER, progress
from erazoo.machine import cores
from erazoo.processes import interrupts_ignored, leave_interrupts_to
from etl.dataset import Dataset
from etl.preparation import Preparation
from etl.shards import ShardWriter
from etl.shards.format import ShardFormat
from etl.shards.plan import PlannedFile
from etl.shards.writer import write_files

CELLS_A_WORKER = 20_000_000
"""Starting a process pays from about this many cells on."""
TASK_ROWS = 32_768
Task = tuple[PlannedFile, ...]


@dataclass(frozen=True)
class Job:
    """What every worker needs: where to write, how, and from what."""

    folder: Path
    form: ShardFormat
    key: str
    rows_of: Mapping[str, int]
    data: Dataset
    preparation: Preparation


def write_pending(
    writer: ShardWriter, data: Dataset, preparation: Preparation, workers: int = 0
) -> None:
    """Write every pending file of a shard set.

    The files are the same whatever the number of workers.

    Args:
        writer: knows what is pending.
        data: the panel.
        preparation: of its rows.
        workers: processes; 0 is one a core, and fewer where there is little to do.

    Raises:
        DataError: data that cannot be used, or a worker that was killed; finished files stay.
    """
    job = Job(writer.folder, writer.form, writer.key, writer.rows_of, data, preparation)
    for files in writer.portions():
        _write_portion(job, files, workers)
        writer.adopt()


def worker_count(files: Sequence[PlannedFile], data: Dataset, wanted: int = 0) -> int:
    """Processes that would write `files`; 1 is this process alone."""
    return max(1, _workers(_tasks(files, data), len(data.spec.names), wanted))


def _write_portion(job: Job, files: Sequence[PlannedFile], workers: int) -> None:
    tasks = _tasks(files, job.data)
    count = _workers(tasks, len(job.data.spec.names), workers)
    job.data.release()
    if count <= 1:
        for _ in progress(_alone(job, tasks), "shard eras", len(_eras(tasks))):
            pass
    else:
        LOGGER.debug("shard: %d tasks for %d workers", len(tasks), count)
        for _ in progress(_together(job, tasks, count), "shard eras", len(_eras(tasks))):
            pass


def _tasks(files: Sequence[PlannedFile], data: Dataset) -> list[Task]:
    """Files in stretches that begin where a table can be entered without reading what is before."""
    entry = _entries(data)
    tasks: list[Task] = []
    for _, group in groupby(files, key=lambda file: entry[file.pieces[0].era]):
        task = tuple(group)
        first, last = (tasks[-1][0], tasks[-1][-1]) if tasks else (None, None)
        small = first is not None and sum(f.rows for f in tasks[-1]) < TASK_ROWS
        split = last is not None and last.pieces[-1].era == task[0].pieces[0].era
        if small or split:
            tasks[-1] = (*tasks[-1], *task)
        else:
            tasks.append(task)
    return tasks


def _entries(data: Dataset) -> dict[str, tuple[int, int]]:
    """By era: its table, and the piece of the table that its first row lies in."""
    return {
        run.era: (number, bisect_right(table.groups, run.start))
        for number, table in enumerate(data.tables)
        for run in table.runs
    }


def _workers(tasks: Sequence[Task], features: int, wanted: int) -> int:
    rows = sum(file.rows for task in tasks for file in task)
    worthwhile = rows * features // CELLS_A_WORKER
    return min(len(tasks), wanted or min(cores(), worthwhile))


def _eras(task: Sequence[Task]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(era for files in task for file in files for era in file.eras))


def _alone(job: Job, tasks: Sequence[Task]) -> Iterator[str]:
    for task in tasks:
        yield from _write(job, task)


def _together(job: Job, tasks: Sequence[Task], count: int) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, context, _begin, (job, os.getpid()))
    try:
        with interrupts_ignored():
            running: list[Future[list[str]]] = [pool.submit(_work, task) for task in tasks]
        for done in as_completed(running):
            yield from done.result()
    except BrokenProcessPool:
        raise DataError(
            "a process that writes shards was killed; the system may be out of memory",
            hint="Run the same command again (finished files are kept), with fewer shards.workers",
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_job: Job | None = None


def _begin(job: Job, parent: int) -> None:
    global _job
    leave_interrupts_to(parent)
    _job = job


def _work(task: Task) -> list[str]:
    if _job is None:
        raise DataError("a process that writes shards was not given its job")
    return list(_write(_job, task))


def _write(job: Job, task: Task) -> Iterator[str]:
    blocks = job.preparation.blocks(job.data, _eras([task]))
    written = write_files(job.folder, job.form, job.key, task, job.rows_of, blocks)
    seen: set[str] = set()
    for finished in written:
        for era, _ in finished.file.eras:
            if era not in seen:
                seen.add(era)
                yield era
