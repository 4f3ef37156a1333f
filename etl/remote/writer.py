"""The shard writer whose files end in a store: a bounded portion of them lies here at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from etl.remote.publication import Publication, parcel
from etl.shards import ShardWriter
from etl.shards.format import ShardFormat
from etl.shards.manifest import FileEntry
from etl.shards.plan import PlannedFile

PORTION_BYTES = 1 << 29
"""Bytes on this machine's disk, as long as no single file is larger."""


class DirectWriter(ShardWriter):
    """Writes portions of files, sends each and removes it here; see `ShardWriter`.

    Files that the store holds as they were sent from here are not written again. The manifest
    stays in the folder: whoever publishes it sends it last.

    Args:
        publication: to the store.
        arguments: of `ShardWriter`.
        options: of `ShardWriter`.
    """

    def __init__(self, publication: Publication, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._publication = publication

    @override
    def portions(self) -> Iterator[tuple[PlannedFile, ...]]:
        """Pending files by portions; each is sent before the next begins."""
        self._send()
        for files in portions(self.pending(), self.form, PORTION_BYTES):
            yield files
            self._send()

    @override
    def _stands(self, entry: FileEntry) -> bool:
        return super()._stands(entry) or self._publication.stands(
            entry.path, entry.bytes, entry.checksum
        )

    def _send(self) -> None:
        here = [f.file for f in self._finished.values() if (self.folder / f.file.path).is_file()]
        self._publication.send([parcel(self.folder, entry) for entry in here])
        for entry in here:
            (self.folder / entry.path).unlink()


def portions(
    files: tuple[PlannedFile, ...], form: ShardFormat, most: int
) -> Iterator[tuple[PlannedFile, ...]]:
    """Files in order, in portions of about `most` uncompressed bytes and at least one file."""
    row = form.width * form.spec.dtype.itemsize + 4 * (len(form.targets) + len(form.references))
    held: list[PlannedFile] = []
    for file in files:
        if held and (sum(one.rows for one in held) + file.rows) * row > most:
            yield tuple(held)
            held = []
        held.append(file)
    if held:
        yield tuple(held)
