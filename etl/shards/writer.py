"""The shard writer: files appear whole, a journal lets a killed run go on, the manifest is last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from erazoo.errors import DataError, ShardError
from erazoo.panel import EraBlock, FeatureSpec
from erazoo.publish import atomic_file, fingerprint, make_dir, sha256, sweep, write_text
from etl.shards.codec import encode
from etl.shards.manifest import MANIFEST, EraEntry, FileEntry, Manifest
from etl.shards.naming import ShardName
from etl.shards.tfrecord import write_record

JOURNAL = "journal.jsonl"
Part = tuple[str, int, int]


class ShardWriter:
    """Writes the blocks of a panel, one call an era, as shards of one folder.

    Used as a context manager: leaving it without an error publishes the manifest. A later writer
    keeps each standing file whose rows, cut and `key` are those that it would write itself;
    `pending` says which eras are still to be written.

    Args:
        folder: where the shard set lies.
        spec: the features.
        targets: target columns.
        references: reference columns.
        split_of: the split of every era, in chronological order; every era must be written.
        rows_of: rows of every era, from the panel's index.
        key: a fingerprint of the panel: data, features and targets.
        layout: `era` (files of one era, named after it) or `flat` (files of up to `shard_rows`).
        block_rows: most rows a record.
        shard_rows: most rows a file.
        facts: further facts for the manifest.
        fresh: write every file anew, whatever stands.
    """

    def __init__(
        self,
        folder: Path,
        spec: FeatureSpec,
        targets: Sequence[str],
        references: Sequence[str],
        *,
        split_of: Mapping[str, str],
        rows_of: Mapping[str, int],
        key: str,
        layout: str = "era",
        block_rows: int = 1024,
        shard_rows: int = 65536,
        facts: Mapping[str, Any] | None = None,
        fresh: bool = False,
    ) -> None:
        self.folder = folder
        self.spec, self.targets, self.references = spec, tuple(targets), tuple(references)
        self.split_of, self.rows_of = dict(split_of), dict(rows_of)
        self.key, self.block_rows, self.fresh = key, block_rows, fresh
        self.facts = {"key": key, "layout": layout, "block_rows": block_rows, **(facts or {})}
        self._plan = _plan(self.split_of, self.rows_of, layout, shard_rows)
        self._files: dict[str, FileEntry] = {}
        self._resolved: dict[str, dict[str, int]] = {}

    def __enter__(self) -> ShardWriter:
        make_dir(self.folder)
        for folder in [self.folder, *(p for p in self.folder.rglob("*") if p.is_dir())]:
            sweep(folder)
        self._resume()
        (self.folder / MANIFEST).unlink(missing_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._publish()

    def pending(self) -> tuple[str, ...]:
        """Eras that some unfinished file needs, in order."""
        todo = (parts for name, parts in self._plan if name not in self._files)
        return tuple(dict.fromkeys(era for parts in todo for era, _, _ in parts))

    def write(self, blocks: Iterator[EraBlock]) -> None:
        """Write every pending file from whole-era blocks that come in the order of `pending`.

        Raises:
            ShardError: an era is missing, out of order or of another size than announced.
        """
        held: EraBlock | None = None
        for name, parts in self._plan:
            if name in self._files:
                continue
            with atomic_file(self.folder / name) as temporary:
                with temporary.open("wb") as stream:
                    for era, start, stop in parts:
                        if held is None or held.era != era:
                            held = self._next(blocks, era)
                        for record in self._records(held, start, stop):
                            write_record(stream, record)
                entry = self._entry(name, parts, temporary)
            self._keep(entry, {era: self._resolved[era] for era, _, _ in parts})

    def _next(self, blocks: Iterator[EraBlock], era: str) -> EraBlock:
        block = next(blocks, None)
        if block is None or block.era != era or len(block) != self.rows_of[era]:
            raise ShardError(
                "the panel did not yield the announced era",
                received="nothing" if block is None else f"{block.era} with {len(block)} rows",
                expected=f"{era} with {self.rows_of[era]} rows",
            )
        counts = np.isfinite(block.targets).sum(axis=0)
        self._resolved[era] = {t: int(n) for t, n in zip(self.targets, counts, strict=True)}
        return block

    def _records(self, block: EraBlock, start: int, stop: int) -> Iterator[bytes]:
        for low in range(start, stop, self.block_rows):
            rows = slice(low, min(stop, low + self.block_rows))
            yield encode(
                EraBlock(
                    block.era,
                    block.ids[rows],
                    block.features[rows],
                    block.targets[rows],
                    block.references[rows],
                )
            )

    def _entry(self, name: str, parts: Sequence[Part], path: Path) -> FileEntry:
        eras = tuple((era, stop - start) for era, start, stop in parts)
        return FileEntry(name, eras, path.stat().st_size, sha256(path), self._key_of(parts))

    def _key_of(self, parts: Sequence[Part]) -> str:
        return fingerprint([self.key, self.block_rows, parts])

    def _keep(self, entry: FileEntry, resolved: Mapping[str, Mapping[str, int]]) -> None:
        self._files[entry.path] = entry
        line = {"file": asdict(entry), "resolved": resolved}
        with (self.folder / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")

    def _resume(self) -> None:
        planned = {name: self._key_of(parts) for name, parts in self._plan}
        path = self.folder / JOURNAL
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = []
        for record in [*self._published(), *_parse_lines(lines)]:
            entry = FileEntry.from_json(record["file"])
            file = self.folder / entry.path
            fits = not self.fresh and planned.get(entry.path) == entry.key and file.is_file()
            if fits and file.stat().st_size == entry.bytes and sha256(file) == entry.sha256:
                self._files[entry.path] = entry
                self._resolved |= record["resolved"]
                kept.append(json.dumps(record) + "\n")
        write_text(path, "".join(kept))
        for file in self.folder.rglob("*.tfrecord"):
            if str(file.relative_to(self.folder)) not in self._files:
                file.unlink()

    def _published(self) -> Iterator[dict[str, Any]]:
        """An older manifest as journal records: its files serve again where the key fits."""
        try:
            older = Manifest.load(self.folder)
        except DataError:
            return
        for entry in older.files:
            resolved = {era: dict(older.eras[era].resolved) for era, _ in entry.eras}
            yield {"file": asdict(entry), "resolved": resolved}

    def _publish(self) -> None:
        missing = [name for name, _ in self._plan if name not in self._files]
        if missing:
            raise ShardError("shards are missing", received=missing[0], expected="every file")
        self._check_rows()
        eras = {
            era: EraEntry(split, self.rows_of[era], self._resolved[era])
            for era, split in self.split_of.items()
        }
        files = tuple(self._files[name] for name, _ in self._plan)
        Manifest(self.spec, self.targets, self.references, eras, files, self.facts).save(
            self.folder
        )
        (self.folder / JOURNAL).unlink(missing_ok=True)

    def _check_rows(self) -> None:
        rows = dict.fromkeys(self.rows_of, 0)
        for entry in self._files.values():
            for era, count in entry.eras:
                rows[era] += count
        wrong = [era for era in self.split_of if rows[era] != self.rows_of[era]]
        if wrong:
            raise ShardError(
                f"the shards do not hold era {wrong[0]} once",
                received=f"{rows[wrong[0]]} rows",
                expected=f"{self.rows_of[wrong[0]]}",
            )


def _plan(
    split_of: Mapping[str, str], rows_of: Mapping[str, int], layout: str, shard_rows: int
) -> list[tuple[str, tuple[Part, ...]]]:
    """File names and the (era, start, stop) pieces of each, before a row is read."""
    groups: list[tuple[str, str | None, list[str]]]
    if layout == "era":
        groups = [(split, era, [era]) for era, split in split_of.items()]
    else:
        splits = dict.fromkeys(split_of.values())
        groups = [(s, None, [era for era, own in split_of.items() if own == s]) for s in splits]
    plan = []
    for split, era, eras in groups:
        pieces = _pieces([(e, rows_of[e]) for e in eras], shard_rows)
        for part, piece in enumerate(pieces):
            plan.append((str(ShardName(split, era, part, len(pieces))), piece))
    return plan


def _pieces(eras: Sequence[tuple[str, int]], shard_rows: int) -> list[tuple[Part, ...]]:
    files: list[list[Part]] = [[]]
    room = shard_rows
    for era, rows in eras:
        start = 0
        while start < rows:
            if room == 0:
                files.append([])
                room = shard_rows
            stop = min(rows, start + room)
            files[-1].append((era, start, stop))
            room -= stop - start
            start = stop
    return [tuple(file) for file in files]


def _parse_lines(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            return
