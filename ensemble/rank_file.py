"""Ranks of many members in one file: written a member at a time, gone on with after a kill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.publish import append_line, make_dir, read_lines, sync

PART, JOURNAL = "ranks.part", "ranks.jsonl"
Column = Callable[[int], tuple[NDArray[np.float32], Mapping[str, Any]]]


def fill_ranks(
    folder: Path, keys: Sequence[str], rows: int, column: Column
) -> tuple[NDArray[np.float32], list[dict[str, Any]]]:
    """A file of one float32 column a member below `folder`.

    Columns that stand there already under the same keys are not made again.

    Args:
        folder: of the file and of its journal.
        keys: what each column depends on.
        rows: of each column.
        column: makes one (rows,), with facts that are kept beside it.

    Memory: one column.

    Returns:
        (M, rows), a memory map to read, and the facts of each column.
    """
    path, journal = make_dir(folder) / PART, folder / JOURNAL
    standing = list(read_lines(journal)) if path.is_file() else []
    same = [line["key"] for line in standing] == list(keys[: len(standing)])
    if not standing or not same or path.stat().st_size != 4 * rows * len(keys):
        journal.unlink(missing_ok=True)
        standing = []
        with path.open("wb") as stream:
            stream.truncate(4 * rows * len(keys))
    for place in range(len(standing), len(keys)):
        values, facts = column(place)
        with path.open("r+b") as stream:
            stream.seek(4 * rows * place)
            stream.write(np.asarray(values, dtype=np.float32).tobytes())
        sync(path)
        standing.append({"key": keys[place], "facts": dict(facts)})
        append_line(journal, standing[-1])
    return read_ranks(path, len(keys)), [dict(line["facts"]) for line in standing]


def read_ranks(path: Path, members: int) -> NDArray[np.float32]:
    """A file of ranks as a memory map (M, rows) to read."""
    return np.memmap(path, np.float32, "r", shape=(members, path.stat().st_size // 4 // members))
