"""Which files a shard set has and what each holds, before a row is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from etl.shards.naming import ShardName


@dataclass(frozen=True)
class Piece:
    """Rows `start` to `stop` of an era."""

    era: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class PlannedFile:
    """One file to be written: its name and its pieces in order."""

    name: str
    pieces: tuple[Piece, ...]

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return sum(len(piece) for piece in self.pieces)

    @property
    def eras(self) -> tuple[str, ...]:
        """Its eras in order."""
        return tuple(dict.fromkeys(piece.era for piece in self.pieces))


def plan_files(
    split_of: Mapping[str, str],
    rows_of: Mapping[str, int],
    *,
    layout: str,
    shard_rows: int,
    compression: str = "none",
) -> tuple[PlannedFile, ...]:
    """The files of a shard set, in chronological order; none reaches over another split's eras.

    Args:
        split_of: the split of every era, in chronological order.
        rows_of: rows of every era.
        layout: `era` (files of one era, named after it) or `flat` (files of up to `shard_rows`).
        shard_rows: most rows a file.
        compression: decides the names' suffix.
    """
    stretches: list[tuple[str, str, list[str]]]
    if layout == "era":
        stretches = [(split, era, [era]) for era, split in split_of.items()]
    else:
        runs = groupby(split_of.items(), key=itemgetter(1))
        stretches = [(split, "", [era for era, _ in run]) for split, run in runs]
    held = [
        (split, era, pieces)
        for split, era, eras in stretches
        for pieces in _pieces([(e, rows_of[e]) for e in eras], shard_rows)
    ]
    parts = Counter((split, era) for split, era, _ in held)
    number: Counter[tuple[str, str]] = Counter()
    files = []
    for split, era, pieces in held:
        part, count = number[split, era], parts[split, era]
        number[split, era] += 1
        name = ShardName(split, era or None, part, count, compression)
        files.append(PlannedFile(str(name), pieces))
    return tuple(files)


def _pieces(eras: Sequence[tuple[str, int]], shard_rows: int) -> list[tuple[Piece, ...]]:
    files: list[list[Piece]] = [[]]
    room = shard_rows
    for era, rows in eras:
        start = 0
        while start < rows:
            if room == 0:
                files.append([])
                room = shard_rows
            stop = min(rows, start + room)
            files[-1].append(Piece(era, start, stop))
            room -= stop - start
            start = stop
    return [tuple(file) for file in files]
