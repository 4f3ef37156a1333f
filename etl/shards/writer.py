"""The shard writer: files appear whole, a journal lets a killed run go on, the manifest is last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from erazoo.errors import DataError, ShardError
from erazoo.panel import EraBlock
from erazoo.publish import atomic_file, checksum, fingerprint, make_dir, sweep
from etl.shards import journal
from etl.shards.codec import encode
from etl.shards.format import ShardFormat
from etl.shards.journal import Finished
from etl.shards.manifest import MANIFEST, EraEntry, FileEntry, Manifest
from etl.shards.plan import Piece, PlannedFile, plan_files
from etl.shards.tfrecord import RecordWriter


class ShardWriter:
    """Writes the blocks of a panel, whole eras at a time, as shards of one folder.

    Used as a context manager: leaving it without an error publishes the manifest. A later writer
    keeps each standing file whose rows, cut and `key` are those that it would write itself;
    `pending` says which files are still to be written, by `write` here or by `write_files` in
    other processes.

    Args:
        folder: where the shard set lies.
        form: how rows are laid into records.
        split_of: the split of every era, in chronological order; every era must be written.
        rows_of: rows of every era, from the panel's index.
        key: a fingerprint of the panel's content and everything done to it.
        layout: `era` (files of one era, named after it) or `flat` (files of up to `shard_rows`).
        shard_rows: most rows a file.
        facts: further facts for the manifest.
        fresh: write every file anew, whatever stands.
    """

    def __init__(
        self,
        folder: Path,
        form: ShardFormat,
        *,
        split_of: Mapping[str, str],
        rows_of: Mapping[str, int],
        key: str,
        layout: str = "era",
        shard_rows: int = 65536,
        facts: Mapping[str, Any] | None = None,
        fresh: bool = False,
    ) -> None:
        self.folder, self.form, self.key, self.fresh = folder, form, key, fresh
        self.split_of, self.rows_of = dict(split_of), dict(rows_of)
        self.facts = {"key": key, "layout": layout, **(facts or {})}
        self.plan = plan_files(
            split_of,
            rows_of,
            layout=layout,
            shard_rows=shard_rows,
            compression=form.compression,
        )
        self._finished: dict[str, Finished] = {}

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

    def pending(self) -> tuple[PlannedFile, ...]:
        """Files that are still to be written, in chronological order."""
        return tuple(file for file in self.plan if file.name not in self._finished)

    def portions(self) -> Iterator[tuple[PlannedFile, ...]]:
        """Pending files in the portions in which they are to be written: here, all at once."""
        yield self.pending()

    def write(self, blocks: Iterator[EraBlock]) -> None:
        """Write every pending file from the whole eras that these need, in order.

        Raises:
            ShardError: an era is missing, out of order or of another size than announced.
        """
        files = self.pending()
        for finished in write_files(self.folder, self.form, self.key, files, self.rows_of, blocks):
            self._finished[finished.file.path] = finished

    def adopt(self) -> None:
        """Take up the files that other processes have written to the journal."""
        self._finished |= {f.file.path: f for f in journal.read(self.folder)}

    def _resume(self) -> None:
        planned = {file.name: file_key(self.key, self.form, file) for file in self.plan}
        for finished in [*self._published(), *journal.read(self.folder)]:
            entry = finished.file
            fits = not self.fresh and planned.get(entry.path) == entry.key
            if fits and self._stands(entry):
                self._finished[entry.path] = finished
        journal.rewrite(self.folder, self._finished.values())
        for file in self.folder.rglob("*.tfrecord*"):
            if str(file.relative_to(self.folder)) not in self._finished:
                file.unlink()
        for folder in sorted(self.folder.rglob("era=*"), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _stands(self, entry: FileEntry) -> bool:
        """Whether a file is there as it was written."""
        file = self.folder / entry.path
        if not file.is_file() or file.stat().st_size != entry.bytes:
            return False
        return checksum(file) == entry.checksum

    def _published(self) -> Iterator[Finished]:
        """An older manifest as journal records: its files serve again where the key fits."""
        try:
            older = Manifest.load(self.folder)
        except DataError:
            return
        for entry in older.files:
            eras = {era: older.eras[era] for era, _ in entry.eras}
            yield Finished(
                entry,
                {era: dict(held.resolved) for era, held in eras.items()},
                {era: dict(held.trained) for era, held in eras.items()},
            )

    def _publish(self) -> None:
        if missing := self.pending():
            raise ShardError("shards are missing", received=missing[0].name, expected="every file")
        self._check_rows()
        resolved: dict[str, Mapping[str, int]] = {}
        trained: dict[str, Mapping[str, int]] = {}
        for finished in self._finished.values():
            resolved |= finished.resolved
            trained |= finished.trained
        eras = {
            era: EraEntry(split, self.rows_of[era], resolved[era], trained[era])
            for era, split in self.split_of.items()
        }
        files = tuple(self._finished[file.name].file for file in self.plan)
        Manifest(self.form, eras, files, self.facts).save(self.folder)
        journal.remove(self.folder)

    def _check_rows(self) -> None:
        rows = dict.fromkeys(self.rows_of, 0)
        for finished in self._finished.values():
            for era, count in finished.file.eras:
                rows[era] += count
        wrong = [era for era in self.split_of if rows[era] != self.rows_of[era]]
        if wrong:
            raise ShardError(
                f"the shards do not hold era {wrong[0]} once",
                received=f"{rows[wrong[0]]} rows",
                expected=f"{self.rows_of[wrong[0]]}",
            )


def write_files(
    folder: Path,
    form: ShardFormat,
    key: str,
    files: Sequence[PlannedFile],
    rows_of: Mapping[str, int],
    blocks: Iterator[EraBlock],
) -> Iterator[Finished]:
    """Write planned files of a shard set, noting each in its journal once it stands.

    Args:
        folder: of the shard set.
        form: how rows are laid into records.
        key: the set's key.
        files: to be written, in chronological order.
        rows_of: rows of every era.
        blocks: the whole eras of `files`, in order, each once.

    Raises:
        ShardError: an era is missing, out of order or of another size than announced.
    """
    held: EraBlock | None = None
    for file in files:
        counts: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
        with atomic_file(folder / file.name, durable=False) as temporary:
            with RecordWriter(temporary, form.compression) as records:
                for piece in file.pieces:
                    if held is None or held.era != piece.era:
                        held = _next(blocks, piece.era, rows_of)
                    counts[piece.era] = _counts(held, form.targets)
                    for part in _records(held, piece, form.block_rows):
                        records.write(encode(part, form))
            eras = tuple((piece.era, len(piece)) for piece in file.pieces)
            entry = FileEntry(
                file.name, eras, records.bytes, records.checksum, file_key(key, form, file)
            )
        resolved = {era: both[0] for era, both in counts.items()}
        trained = {era: both[1] for era, both in counts.items()}
        finished = Finished(entry, resolved, trained)
        journal.append(folder, finished)
        yield finished


def file_key(key: str, form: ShardFormat, file: PlannedFile) -> str:
    """What the content of a file depends on."""
    pieces = [[piece.era, piece.start, piece.stop] for piece in file.pieces]
    return fingerprint([key, form.to_json(), pieces])


def _next(blocks: Iterator[EraBlock], era: str, rows_of: Mapping[str, int]) -> EraBlock:
    block = next(blocks, None)
    if block is None or block.era != era or len(block) != rows_of[era]:
        raise ShardError(
            "the panel did not yield the announced era",
            received="nothing" if block is None else f"{block.era} with {len(block)} rows",
            expected=f"{era} with {rows_of[era]} rows",
        )
    return block


def _counts(block: EraBlock, targets: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Resolved rows by target, and those of them that count in training."""
    known = np.isfinite(block.targets)
    resolved = {t: int(n) for t, n in zip(targets, known.sum(axis=0), strict=True)}
    if block.weights is None:
        return resolved, dict(resolved)
    counted = known[block.weights > 0].sum(axis=0)
    return resolved, {t: int(n) for t, n in zip(targets, counted, strict=True)}


def _records(block: EraBlock, piece: Piece, block_rows: int) -> Iterator[EraBlock]:
    for low in range(piece.start, piece.stop, block_rows):
        yield block.take(slice(low, min(piece.stop, low + block_rows)))
